// What the relay's answers do to an Allocation: discovery, challenges, errors, grants.
#include <algorithm>

#include "snownet/stun/datagram_kind.h"
#include "snownet/turn/allocation.h"

namespace connlib::snownet::turn {
namespace {

constexpr Duration kRefreshPause = 30s;           // Ours: after a refusal that is no mismatch.
constexpr Duration kDefaultLifetime = 10min;      // RFC 8656 §3.2
constexpr uint32_t kWrongSignaturesToReport = 2;  // One may be an attacker's guess.

size_t slot_of(IpFamily family) { return family == IpFamily::kV4 ? 0 : 1; }

}  // namespace

Inbound Allocation::handle_datagram(Timestamp now, const SocketAddress& local,
                                    const SocketAddress& from, std::span<uint8_t> datagram) {
  now = clamp(now);
  if (!sockets_.contains(from)) return drop(Drop::kNotFromRelay);
  switch (stun::datagram_kind(datagram)) {
    case stun::DatagramKind::kStun:
      return handle_stun(now, local, from, datagram);
    case stun::DatagramKind::kChannelData:
      return handle_channel_data(now, datagram);
    case stun::DatagramKind::kOther:
      break;
  }
  return drop(Drop::kMalformed);
}

Inbound Allocation::handle_channel_data(Timestamp now, std::span<uint8_t> datagram) {
  const auto data = stun::parse_channel_data(datagram);
  if (!data) return drop(Drop::kMalformed);
  const auto peer = channels_.peer_of(data->channel);
  if (!peer) return drop(Drop::kUnboundChannel);
  last_received_ = now;
  return Received{*peer, datagram.subspan(stun::kChannelDataHeaderBytes, data->payload.size())};
}

// An answer that does not verify must not consume its request: anybody can send one.
Inbound Allocation::handle_stun(Timestamp now, const SocketAddress& local,
                                const SocketAddress& from, std::span<const uint8_t> datagram) {
  const auto parsed = stun::parse_message(datagram);
  const auto* message = std::get_if<stun::Message>(&parsed);
  if (message == nullptr) return drop(Drop::kMalformed);
  Request* request = requests_.find(*message, from);
  if (request == nullptr) return drop(Drop::kUnknownTransaction);
  if (message->method() == stun::Method::kBinding) {
    return handle_binding(now, local, *request, *message);
  }
  if (former_ && request->purpose == Purpose::kRelease) {
    return handle_released(now, *request, *message);
  }
  if (!message->has_integrity()) return handle_unsigned(now, *request, *message);
  if (!authentication_.verify(*message)) return handle_wrongly_signed();
  wrongly_signed_ = 0;
  if (message->cls() == stun::MessageClass::kError) return handle_error(now, *request, *message);
  return handle_success(now, *request, *message);
}

// --- Binding

Inbound Allocation::handle_binding(Timestamp now, const SocketAddress& local, Request& request,
                                   const stun::Message& message) {
  const auto mapped = message.xor_mapped_address();
  if (message.cls() != stun::MessageClass::kSuccess || !mapped) return drop(Drop::kMalformed);
  note_answer(now, request);
  const SocketAddress relay = requests_.take(request).to;
  note_address(now, relay, {local, *mapped});
  if (!active_socket_) {
    active_socket_ = relay;
    allocate(now);
  }
  return Consumed{};
}

void Allocation::note_address(Timestamp now, const SocketAddress& relay,
                              const AddressDiscovered& found) {
  auto& known = addresses_[slot_of(relay.ip.family())];
  if (known != found) {
    known = found;
    events_.push_back(found);
  }
  // The relay knows us by an address that is no longer ours (D6). To ask it with a Refresh is not
  // enough: a NAT that has come back to a port of before finds the allocation of before there, and
  // the relay confirms that one. If there is one, 437 to Allocate will tell.
  if (!grant_ || relay != active_socket_ || !grant_->mapped || *grant_->mapped == found.mapped) {
    return;
  }
  invalidate_and_rebind("mapped anew");
  reallocate(now);
}

void Allocation::note_answer(Timestamp now, const Request& request) {
  const auto sample = request.transaction.round_trip_time(now);
  if (!sample) return;
  round_trip_time_ = round_trip_time_ ? (*round_trip_time_ * 7 + *sample) / 8 : *sample;
}

// --- Another user

// Who answers with our transaction id has seen the request. Whether it may speak for the relay does
// not matter: at worst the old allocation stays there until it expires.
Inbound Allocation::handle_released(Timestamp now, Request& request, const stun::Message& message) {
  const auto error = message.error();
  const bool has_fresh_nonce = message.nonce() && *message.nonce() != former_->nonce();
  const Request released = requests_.take(request);
  const auto challenges = static_cast<uint8_t>(released.challenges + 1);
  if (error && has_fresh_nonce && challenges <= kMaxChallenges &&
      former_->take_challenge(message)) {
    send(now, Purpose::kRelease, released.to,
         {.challenges = challenges, .policy = stun::kRelayProbe});
  } else {
    finish_release(now);
  }
  return Consumed{};
}

void Allocation::finish_release(Timestamp now) {
  if (former_ && !authentication_.has_nonce()) authentication_.inherit_nonce(*former_);
  former_.reset();
  allocate(now);
}

// --- Unsigned and wrongly signed answers

// Standard servers do not sign 401 and 438, nor the 400 that some give to integrity without a
// nonce. They are followed only so far as they bring a nonce, or ask for a bare first request (D8).
// Nor does coturn sign 437 to an Allocate without a nonce; believing it costs two Refreshes, which
// bring a nonce for the next Allocate.
Inbound Allocation::handle_unsigned(Timestamp now, Request& request, const stun::Message& message) {
  const auto error = message.error();
  if (message.cls() != stun::MessageClass::kError || !error) return drop(Drop::kWrongIntegrity);
  if (error->code == stun::ErrorCode::kBadRequest && request.purpose == Purpose::kAllocate &&
      request.signing == Signing::kSigned && !request.had_nonce) {
    ask_bare(now, Purpose::kAllocate, request);
    return Consumed{};
  }
  if (error->code == stun::ErrorCode::kAllocationMismatch &&
      request.purpose == Purpose::kAllocate && !request.had_nonce) {
    ask_bare(now, Purpose::kDelete, request);
    return Consumed{};
  }
  if (error->code == stun::ErrorCode::kUnauthorized && request.had_nonce &&
      message.nonce() == authentication_.nonce()) {
    request.was_refused = true;
    return drop(Drop::kRefused);
  }
  if (error->code == stun::ErrorCode::kUnauthorized ||
      error->code == stun::ErrorCode::kStaleNonce) {
    return handle_challenge(now, request, message);
  }
  return drop(Drop::kWrongIntegrity);
}

void Allocation::ask_bare(Timestamp now, Purpose purpose, Request& request) {
  const Request refused = requests_.take(request);
  const auto challenges = static_cast<uint8_t>(refused.challenges + 1);
  send(now, purpose, refused.to, {.signing = Signing::kBare, .challenges = challenges});
}

Inbound Allocation::handle_wrongly_signed() {
  if (++wrongly_signed_ == kWrongSignaturesToReport) events_.push_back(CredentialsOutdated{});
  return drop(Drop::kWrongIntegrity);
}

Inbound Allocation::handle_challenge(Timestamp now, Request& request,
                                     const stun::Message& message) {
  if (request.challenges >= kMaxChallenges || !authentication_.take_challenge(message)) {
    return drop(Drop::kRefused);
  }
  note_answer(now, request);
  const Request challenged = requests_.take(request);
  send(now, challenged.purpose, challenged.to,
       {.challenges = static_cast<uint8_t>(challenged.challenges + 1),
        .binding = challenged.binding});
  return Consumed{};
}

// --- Verified answers

Inbound Allocation::handle_success(Timestamp now, Request& request, const stun::Message& message) {
  note_answer(now, request);
  const Request answered = requests_.take(request);
  last_verified_ = now;
  switch (answered.purpose) {
    case Purpose::kAllocate:
      return handle_granted(now, answered.to, message);
    case Purpose::kRefresh:
      set_lifetime(now, message);
      break;
    case Purpose::kDelete:
      reallocate(now);
      break;
    case Purpose::kBindChannel:
      channels_.handle_bound(now, answered.binding->number);
      bind_waiting(now);
      break;
    case Purpose::kRelease:
    case Purpose::kDiscover:
    case Purpose::kKeepAlive:
      break;
  }
  return Consumed{};
}

Inbound Allocation::handle_granted(Timestamp now, const SocketAddress& relay,
                                   const stun::Message& message) {
  const auto v4 = message.xor_relayed_address(IpFamily::kV4);
  const auto v6 = message.xor_relayed_address(IpFamily::kV6);
  if (!v4 && !v6) {
    fail(Failure::kProtocolFailure);
    return Consumed{};
  }
  const auto& found = addresses_[slot_of(relay.ip.family())];
  auto mapped = message.xor_mapped_address();
  const bool is_of_our_family = mapped && mapped->ip.family() == relay.ip.family();
  if (!is_of_our_family && found) mapped = found->mapped;
  grant_ = Grant{v4, v6, mapped, Timestamp::never()};
  set_lifetime(now, message);
  last_keep_alive_ = now;
  for (const auto& relayed : {v4, v6}) {
    if (relayed) {
      events_.push_back(
          RelayedAddressAdded{*relayed, relay, found ? found->local : SocketAddress{}});
    }
  }
  tracer_->trace(TraceLevel::kDebug, "turn", "allocated");
  bind_waiting(now);
  return Consumed{};
}

void Allocation::set_lifetime(Timestamp now, const stun::Message& message) {
  const Duration granted = message.lifetime().value_or(
      std::chrono::duration_cast<std::chrono::seconds>(kDefaultLifetime));
  const Duration lifetime = std::clamp(granted, kMinAllocationLifetime, kMaxAllocationLifetime);
  grant_->expires_at = now + lifetime;
  refresh_at_ = now + lifetime / 2;
}

Inbound Allocation::handle_error(Timestamp now, Request& request, const stun::Message& message) {
  const auto error = message.error();
  if (!error) return drop(Drop::kMalformed);
  switch (error->code) {
    case stun::ErrorCode::kUnauthorized:
      if (!request.had_nonce) return handle_challenge(now, request, message);
      fail(Failure::kWrongCredentials);
      return Consumed{};
    case stun::ErrorCode::kStaleNonce:
      return handle_challenge(now, request, message);
    case stun::ErrorCode::kUnknownAttribute:
      fail(Failure::kProtocolFailure);
      return Consumed{};
    default:
      break;
  }
  note_answer(now, request);
  const Request answered = requests_.take(request);
  last_verified_ = now;
  if (error->code == stun::ErrorCode::kAllocationMismatch) {
    handle_mismatch(now, answered);
  } else {
    handle_refusal(now, answered, error->code);
  }
  return Consumed{};
}

// 437: relay and client disagree about what exists.
void Allocation::handle_mismatch(Timestamp now, const Request& request) {
  switch (request.purpose) {
    case Purpose::kAllocate: {
      // One of ours from before, for the same 3-tuple, is in the way.
      const SocketAddress relay = request.to;
      invalidate("another allocation exists");
      send(now, Purpose::kDelete, relay, {});
      return;
    }
    case Purpose::kRefresh:
      invalidate_and_rebind("the relay does not know it");
      reallocate(now);
      return;
    case Purpose::kBindChannel: {
      const SocketAddress peer = request.binding->peer;
      invalidate_and_rebind("the relay does not know it");
      waiting_binds_.add(peer);
      reallocate(now);
      return;
    }
    case Purpose::kDelete:  // Already gone: just as well.
      reallocate(now);
      return;
    case Purpose::kRelease:
    case Purpose::kDiscover:
    case Purpose::kKeepAlive:
      return;
  }
}

void Allocation::handle_refusal(Timestamp now, const Request& request, stun::ErrorCode code) {
  tracer_->trace(TraceLevel::kDebug, "turn", "request refused",
                 {{"code", uint32_t{static_cast<uint16_t>(code)}}});
  switch (request.purpose) {
    case Purpose::kAllocate:
    case Purpose::kDelete:
      waiting_binds_.clear();
      is_suspended_ = true;
      if (code == stun::ErrorCode::kAllocationQuotaReached ||
          code == stun::ErrorCode::kInsufficientCapacity) {
        refused_until_ = now + kRefusedAllocationPause +
                         Duration(static_cast<int64_t>(random_->below(Duration(10s).count())));
      }
      return;
    case Purpose::kRefresh:
      refresh_at_ = now + kRefreshPause;
      return;
    case Purpose::kBindChannel:
      channels_.remove(request.binding->number);
      refused_peers_.add(now, request.binding->peer);
      bind_waiting(now);
      return;
    case Purpose::kRelease:
    case Purpose::kDiscover:
    case Purpose::kKeepAlive:
      return;
  }
}

}  // namespace connlib::snownet::turn
