#include "snownet/ice/agent.h"

#include <algorithm>
#include <utility>

#include "snownet/ice/priority.h"

namespace connlib::snownet::ice {

IceAgent::IceAgent(AgentOptions options, RandomSource& random, Tracer& tracer, Timestamp now)
    : random_(random),
      tracer_(tracer),
      role_(options.role),
      tie_breaker_(random.next_u64()),
      local_credentials_(std::move(options.local)),
      local_key_(stun::IntegrityKey::short_term(local_credentials_.password())),
      timing_(options.timing),
      guesses_port_forwarding_(options.guesses_port_forwarding),
      list_(options.role),
      last_now_(now),
      updated_at_(now),
      next_check_allowed_at_(now) {
  if (options.remote) set_remote_credentials(*options.remote, now);
}

// --- Candidates.

std::optional<Candidate> IceAgent::add_local_candidate(const Candidate& candidate, Timestamp now) {
  advance(now);
  const auto added = locals_.add(candidate);
  if (!added) return std::nullopt;
  form_pairs_from(added->base);
  update();
  return added;
}

bool IceAgent::add_remote_candidate(const SignalledCandidate& signalled, Timestamp now) {
  advance(now);
  if (!signalled.ufrag.empty() && remote_credentials_ &&
      signalled.ufrag != remote_credentials_->ufrag()) {
    return false;
  }
  if (!remotes_.add(signalled.candidate)) return false;
  form_pairs_to(signalled.candidate.address);
  if (guesses_port_forwarding_) {
    for (const Candidate& guess : remotes_.optimistic()) {
      if (remotes_.add(guess)) form_pairs_to(guess.address);
    }
  }
  update();
  return true;
}

bool IceAgent::invalidate_local_candidate(const Candidate& candidate, Timestamp now) {
  advance(now);
  if (!locals_.remove(candidate)) return false;
  form_pairs_from(candidate.base);
  update();
  return true;
}

bool IceAgent::invalidate_remote_candidate(const Candidate& candidate, Timestamp now) {
  advance(now);
  if (!remotes_.invalidate(candidate)) return false;
  form_pairs_to(candidate.address);
  update();
  return true;
}

void IceAgent::set_remote_credentials(const Credentials& remote, Timestamp now) {
  advance(now);
  remote_credentials_ = remote;
  remote_key_ = stun::IntegrityKey::short_term(remote.password());
  for (const EarlyRequest& early : std::exchange(early_requests_, {})) {
    CheckRequest check = early.check;
    check.sender_ufrag = early.sender_ufrag;
    if (const auto drop = accept_request(early.path, check)) {
      drops_[static_cast<size_t>(*drop)] += 1;
    }
  }
  update();
}

// Both of these make the pairs of one base, or of one remote address, agree with the candidates
// there: they form what is missing, rename what has a better candidate, remove what has none.

void IceAgent::form_pairs_from(const SocketAddress& local_base) {
  const Candidate* local = locals_.best_from(local_base);
  if (local == nullptr) return list_.remove_from(local_base);
  for (const Candidate& remote : remotes_.all()) {
    list_.form(*local, *remotes_.best_at(remote.address), last_now_);
  }
}

void IceAgent::form_pairs_to(const SocketAddress& remote_address) {
  const Candidate* remote = remotes_.best_at(remote_address);
  if (remote == nullptr) return list_.remove_to(remote_address);
  for (const Candidate& local : locals_.all()) {
    const Candidate* best = locals_.best_from(local.base);
    if (best != nullptr) list_.form(*best, *remote, last_now_);
  }
}

// --- Time.

void IceAgent::handle_timeout(Timestamp now) {
  advance(now);
  fail_exhausted();
  // Selection first: it decides which check carries USE-CANDIDATE.
  update();
  if (CandidatePair* pair = next_due()) {
    send_check(*pair);
    update();
  }
}

void IceAgent::fail_exhausted() {
  for (CandidatePair& pair : list_.pairs()) {
    if (!pair.is_alive() || pair.next_at() > last_now_ || !pair.is_exhausted(timing_)) continue;
    pair.fail();
    if (tracer_.enabled(TraceLevel::kDebug)) {
      tracer_.trace(
          TraceLevel::kDebug, "ice", "pair failed",
          {{"local", to_text(pair.path().local)}, {"remote", to_text(pair.path().remote)}});
    }
  }
}

CandidatePair* IceAgent::next_due() {
  if (!remote_key_ || next_check_allowed_at_ > last_now_) return nullptr;
  CandidatePair* first = nullptr;
  for (CandidatePair& pair : list_.pairs()) {
    if (!pair.is_alive()) continue;
    if (pair.is_nomination_unsent()) return &pair;
    if (pair.next_at() > last_now_ || pair.is_exhausted(timing_)) continue;
    if (first == nullptr || pair.next_at() < first->next_at()) first = &pair;
  }
  return first;
}

void IceAgent::send_check(CandidatePair& pair) {
  const CheckHistory::Attempt attempt{last_now_, stun::TransactionId::random(random_), role_};
  CheckRequest check{attempt.id, remote_credentials_->ufrag(), local_credentials_.ufrag()};
  check.priority = peer_reflexive_priority(pair.local().priority);
  check.role = role_;
  check.tie_breaker = tie_breaker_;
  // D1: on the selected pair only, so that its appearance elsewhere means something.
  check.use_candidate = role_ == Role::kControlling && is_selected(pair);
  transmits_.push(pair.path(), CheckCodec::request(check, *remote_key_));
  pair.set_nomination_unsent(false);
  pair.record_check(attempt, timing_);
  next_check_allowed_at_ = last_now_ + kCheckSpacing;
}

Wakeup IceAgent::poll_timeout() const {
  if (!transmits_.empty()) return {last_now_, "queued ICE datagram"};
  if (selected_ && selected_ != reported_selection_) return {last_now_, "queued ICE event"};
  if (state_ != reported_state_) return {last_now_, "queued ICE event"};
  Wakeup wakeup;
  for (const CandidatePair& pair : list_.pairs()) {
    if (!pair.is_alive()) continue;
    if (pair.possible_until() > updated_at_) {
      wakeup = earliest(wakeup, {pair.possible_until(), "ICE pair without any answer"});
    }
    if (pair.is_exhausted(timing_)) {
      wakeup = earliest(wakeup, {pair.next_at(), "ICE pair fails"});
    } else if (remote_key_) {
      const Timestamp due = pair.is_nomination_unsent() ? last_now_ : pair.next_at();
      wakeup = earliest(wakeup, {std::max(due, next_check_allowed_at_), "ICE check"});
    }
  }
  return wakeup;
}

void IceAgent::set_timing(const Timing& timing, Timestamp now) {
  advance(now);
  if (timing == timing_) return;
  timing_ = timing;
  list_.set_timing(timing);
}

// --- Selection and state.

void IceAgent::update() {
  updated_at_ = last_now_;
  CandidatePair* selected = selected_ ? list_.find(*selected_) : nullptr;
  if (role_ == Role::kControlling) {
    select(best_succeeded(list_, selected));
  } else {
    if (selected != nullptr) nominations_.let_go(list_, *selected, timing_, last_now_);
    select(PeerNominations::latest(list_));
  }
  const IceState next = computed_state();
  if (next != state_) set_state(next, selected_ ? "selected" : "nothing selected");
}

void IceAgent::select(const CandidatePair* pair) {
  if (pair == nullptr) {
    selected_.reset();
    return;
  }
  if (is_selected(*pair)) return;
  selected_ = pair->path();
  for (CandidatePair& each : list_.pairs()) {
    each.set_nomination_unsent(role_ == Role::kControlling && is_selected(each));
  }
  if (tracer_.enabled(TraceLevel::kDebug)) {
    tracer_.trace(TraceLevel::kDebug, "ice", "path selected",
                  {{"local", to_text(selected_->local)}, {"remote", to_text(selected_->remote)}});
  }
}

IceState IceAgent::computed_state() const {
  if (!locals_.was_ever_filled() && !remotes_.was_ever_filled()) return IceState::kNew;
  const auto pairs = list_.pairs();
  const bool has_possible =
      std::any_of(pairs.begin(), pairs.end(), [this](const CandidatePair& pair) {
        return !is_selected(pair) && pair.is_possible(last_now_);
      });
  if (selected_) return has_possible ? IceState::kConnected : IceState::kCompleted;
  const bool is_early = !locals_.was_ever_filled() || !remotes_.was_ever_filled();
  return has_possible || is_early ? IceState::kChecking : IceState::kDisconnected;
}

void IceAgent::set_state(IceState next, const char* why) {
  tracer_.trace(TraceLevel::kDebug, "ice", "state",
                {{"from", name(state_)}, {"to", name(next)}, {"why", why}});
  state_ = next;
}

std::optional<AgentEvent> IceAgent::poll_event() {
  if (selected_ && selected_ != reported_selection_) {
    reported_selection_ = selected_;
    return PathSelected{*selected_};
  }
  if (state_ != reported_state_) {
    reported_state_ = state_;
    return StateChanged{state_};
  }
  return std::nullopt;
}

}  // namespace connlib::snownet::ice
