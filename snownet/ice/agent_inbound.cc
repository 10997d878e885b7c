// What an agent does with a datagram: RFC 8445 §7.3 for requests, §7.2.5 for answers.
#include <algorithm>

#include "snownet/ice/agent.h"

namespace connlib::snownet::ice {

using stun::MessageClass;

std::optional<IceDrop> IceAgent::handle_datagram(Timestamp now, const Path& path,
                                                 std::span<const uint8_t> datagram) {
  advance(now);
  const auto drop = dispatch(path, datagram);
  if (drop) drops_[static_cast<size_t>(*drop)] += 1;
  return drop;
}

std::optional<IceDrop> IceAgent::dispatch(const Path& path, std::span<const uint8_t> datagram) {
  const auto parsed = stun::parse_message(datagram);
  if (const auto* error = std::get_if<stun::ParseError>(&parsed)) {
    switch (*error) {
      case stun::ParseError::kNotStun:
        return IceDrop::kNotIce;
      case stun::ParseError::kMalformed:
        return IceDrop::kMalformed;
      case stun::ParseError::kWrongFingerprint:
        return IceDrop::kWrongFingerprint;
    }
  }
  const auto& message = std::get<stun::Message>(parsed);
  if (message.method() != stun::Method::kBinding) return IceDrop::kNotIce;
  switch (message.cls()) {
    case MessageClass::kRequest:
      return handle_request(path, message);
    case MessageClass::kSuccess:
      return handle_success(path, message);
    case MessageClass::kError:
      return handle_error(path, message);
    case MessageClass::kIndication:
      return IceDrop::kNotIce;  // A keep-alive of somebody: it proves nothing and changes nothing.
  }
  return IceDrop::kNotIce;
}

// --- Requests.

std::optional<IceDrop> IceAgent::handle_request(const Path& path, const stun::Message& message) {
  const auto check = read_check(message);
  if (!check) return IceDrop::kMalformed;
  if (check->receiver_ufrag != local_credentials_.ufrag()) return IceDrop::kForeign;
  if (!message.verify_integrity(local_key_)) return IceDrop::kBadIntegrity;
  if (!remote_credentials_) {
    if (early_requests_.size() >= kMaxEarlyRequests) return IceDrop::kTooManyRequests;
    CheckRequest kept = *check;
    kept.receiver_ufrag = kept.sender_ufrag = {};  // They borrow from the datagram.
    early_requests_.push_back({kept, std::string(check->sender_ufrag), path});
    return std::nullopt;
  }
  const auto drop = accept_request(path, *check);
  update();
  return drop;
}

std::optional<IceDrop> IceAgent::accept_request(const Path& path, const CheckRequest& check) {
  if (check.sender_ufrag != remote_credentials_->ufrag()) return IceDrop::kForeign;
  if (!locals_.receives_at(path.local)) return IceDrop::kUnknownLocal;
  if (!is_usable(path.remote)) return IceDrop::kMalformed;
  if (settle_role(check) == RoleVerdict::kConflict) {
    transmits_.push(path, CheckCodec::role_conflict(check.id, local_key_));
    return std::nullopt;
  }
  if (check.use_candidate && role_ == Role::kControlling) return IceDrop::kUnexpectedNominee;
  if (remotes_.best_at(path.remote) == nullptr) {
    if (remotes_.is_invalidated(path.remote)) return IceDrop::kInvalidatedRemote;
    learn_remote(path.remote, check.priority);
  }
  const Candidate* local = locals_.best_from(path.local);
  CandidatePair* pair = list_.form(*local, *remotes_.best_at(path.remote), last_now_);
  if (pair == nullptr) return IceDrop::kTooManyPairs;
  transmits_.push(path, CheckCodec::success(check.id, path.remote, local_key_));
  if (!pair->is_alive()) pair->check_soon(last_now_);
  if (role_ == Role::kControlled &&
      nominations_.handle_check(*pair, check.use_candidate, last_now_) && !pair->has_succeeded()) {
    pair->check_soon(last_now_);  // RFC 8445 §7.3.1.4: the triggered check.
  }
  return std::nullopt;
}

// RFC 8445 §7.3.1.1. The larger tie breaker is controlling, we win a tie.
IceAgent::RoleVerdict IceAgent::settle_role(const CheckRequest& check) {
  if (check.role != role_) return RoleVerdict::kAgreed;
  const bool we_win = tie_breaker_ >= check.tie_breaker;
  const bool we_keep = we_win == (role_ == Role::kControlling);
  if (we_keep) return RoleVerdict::kConflict;
  switch_role("the peer has our role and its tie breaker wins");
  return RoleVerdict::kAgreed;
}

void IceAgent::switch_role(const char* why) {
  role_ = opposite(role_);
  tracer_.trace(TraceLevel::kDebug, "ice", "role switched", {{"why", why}});
  list_.set_role(role_);
}

// A peer behind a NAT that changes its port with the wind makes new candidates without end: the
// oldest one whose path is not in use gives way.
void IceAgent::learn_remote(const SocketAddress& address, uint32_t priority) {
  if (remotes_.peer_reflexive_count() >= kMaxRemotePeerReflexive) {
    const auto all = remotes_.all();
    const auto oldest = std::find_if(all.begin(), all.end(), [this](const Candidate& candidate) {
      return candidate.kind == CandidateKind::kPeerReflexive &&
             !(selected_ && selected_->remote == candidate.address);
    });
    const SocketAddress victim = oldest->address;
    remotes_.forget(victim);
    form_pairs_to(victim);
  }
  remotes_.learn(address, priority);
}

// --- Answers.

std::optional<IceDrop> IceAgent::handle_success(const Path& path, const stun::Message& message) {
  const auto mapped = message.xor_mapped_address();
  if (!mapped || !message.has_integrity()) return IceDrop::kMalformed;
  // RFC 8445 §7.2.5.2.1: an answer must come back along the path of its request. The attempt is
  // looked for on that path only. Departs from the RFC in that an answer from elsewhere does not
  // fail the pair at once: it is no answer, and a pair without answers fails in its time. The
  // source of a datagram is not authenticated; a copy sent from elsewhere must not do harm.
  CandidatePair* pair = list_.find(path);
  auto* attempt = pair == nullptr ? nullptr : pair->find_attempt(message.transaction_id());
  if (attempt == nullptr) return IceDrop::kForeign;
  if (!message.verify_integrity(*remote_key_)) return IceDrop::kBadIntegrity;
  if (attempt->is_answered) return IceDrop::kDuplicate;
  pair->record_success(*attempt, timing_, last_now_);
  ever_succeeded_ = true;
  locals_.learn(*mapped, path.local);
  if (role_ == Role::kControlled) nominations_.handle_success(*pair, last_now_);
  update();
  return std::nullopt;
}

std::optional<IceDrop> IceAgent::handle_error(const Path& path, const stun::Message& message) {
  const auto error = message.error();
  if (!error || !message.has_integrity()) return IceDrop::kMalformed;
  CandidatePair* pair = list_.find(path);
  auto* attempt = pair == nullptr ? nullptr : pair->find_attempt(message.transaction_id());
  if (attempt == nullptr) return IceDrop::kForeign;
  if (!message.verify_integrity(*remote_key_)) return IceDrop::kBadIntegrity;
  if (error->code != stun::ErrorCode::kRoleConflict) return IceDrop::kMalformed;
  if (attempt->is_answered) return IceDrop::kDuplicate;
  const bool is_current = attempt->role == role_;
  pair->record_answer(*attempt, last_now_);
  if (!is_current) return IceDrop::kStaleRoleConflict;
  // RFC 8445 §7.2.5.1: switch, and draw anew, so that two ends cannot trade roles for ever.
  switch_role("the peer answered 487");
  tie_breaker_ = random_.next_u64();
  update();
  return std::nullopt;
}

}  // namespace connlib::snownet::ice
