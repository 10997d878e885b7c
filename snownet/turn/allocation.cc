#include "snownet/turn/allocation.h"

#include <algorithm>
#include <utility>

#include "connlib/base/check.h"

namespace connlib::snownet::turn {
namespace {

constexpr Duration kJustHeard = 1s;
constexpr Backoff::Options kReallocation{.base = 1s, .max = 30s, .forgets_after = 2min};

bool is_binding(Purpose purpose) {
  return purpose == Purpose::kDiscover || purpose == Purpose::kKeepAlive;
}

}  // namespace

std::string_view failure_text(Failure failure) {
  switch (failure) {
    case Failure::kNoResponse:
      return "no response";
    case Failure::kWrongCredentials:
      return "wrong credentials";
    case Failure::kProtocolFailure:
      return "protocol failure";
  }
  return "unknown";
}

Allocation::Allocation(const RelaySockets& sockets, Credentials credentials, RandomSource& random,
                       Tracer& tracer, Timestamp now)
    : sockets_(sockets),
      authentication_(std::move(credentials)),
      random_(&random),
      tracer_(&tracer),
      last_keep_alive_(now),
      last_verified_(now),
      reallocation_(kReallocation),
      last_now_(now) {
  CONNLIB_CHECK(sockets_.v4 || sockets_.v6);
  discover(now);
}

// --- Requests

// Both families are always tried: a missing one shows up as silence only. Binding has no side
// effect at the relay, so racing it cannot create two allocations.
void Allocation::discover(Timestamp now) {
  for (const IpFamily family : {IpFamily::kV4, IpFamily::kV6}) {
    if (const auto& socket = sockets_.of(family)) {
      send(now, Purpose::kDiscover, *socket, {.signing = Signing::kBare});
    }
  }
}

void Allocation::allocate(Timestamp now) {
  allocate_at_ = Timestamp::never();
  if (!active_socket_ || requests_.contains(Purpose::kAllocate)) return;
  is_suspended_ = false;
  send(now, Purpose::kAllocate, *active_socket_, {});
}

// A relay that loses our allocation again and again is asked ever more rarely.
void Allocation::reallocate(Timestamp now) {
  const Duration wait = reallocation_.next(now, *random_);
  if (wait == Duration::zero()) {
    allocate(now);
  } else {
    allocate_at_ = now + wait;
  }
}

void Allocation::refresh(Timestamp now, const stun::RetransmitPolicy& policy) {
  send(now, Purpose::kRefresh, *active_socket_, {.policy = policy});
}

void Allocation::bind(Timestamp now, const ChannelBinding& binding) {
  send(now, Purpose::kBindChannel, *active_socket_, {.binding = binding});
}

void Allocation::send(Timestamp now, Purpose purpose, const SocketAddress& to,
                      const Attempt& attempt) {
  std::array<uint8_t, kMaxRequestBytes> buffer{};
  Authentication& signer = purpose == Purpose::kRelease && former_ ? *former_ : authentication_;
  const auto bytes =
      write_request(purpose, attempt.signing, attempt.binding, signer, *random_, buffer);
  requests_.add({.purpose = purpose,
                 .to = to,
                 .signing = attempt.signing,
                 .had_nonce = attempt.signing == Signing::kSigned && signer.has_nonce(),
                 .challenges = attempt.challenges,
                 .binding = attempt.binding,
                 .began = now,
                 .transaction = stun::Transaction(bytes, attempt.policy, now)});
}

// --- Channels

void Allocation::bind_channel(Timestamp now, const SocketAddress& peer) {
  now = clamp(now);
  if (is_suspended_ || failure_ || refused_peers_.contains(now, peer)) return;
  if (channels_.is_bound(now, peer) || channels_.is_being_bound(peer)) return;
  if (grant_ && !relayed_address(peer.ip.family())) return;  // The relay would answer 443.
  if (!grant_ || is_binding_as_many_as_it_may()) {
    waiting_binds_.add(peer);
    return;
  }
  const auto number = channels_.number_for(now, peer);
  if (number) bind(now, {*number, peer});
}

bool Allocation::is_binding_as_many_as_it_may() const {
  return requests_.count(Purpose::kBindChannel) >= kMaxBindsOnTheirWay;
}

void Allocation::bind_waiting(Timestamp now) {
  while (grant_ && !is_binding_as_many_as_it_may()) {
    const auto peer = waiting_binds_.take();
    if (!peer) return;
    bind_channel(now, *peer);
  }
}

std::optional<ChannelRoute> Allocation::route_to(Timestamp now, const SocketAddress& peer) {
  now = clamp(now);
  if (!grant_ || !active_socket_) return std::nullopt;
  const auto channel = channels_.route_to(now, peer);
  if (!channel) {
    bind_channel(now, peer);
    return std::nullopt;
  }
  // Data keeps the NAT's mapping alive; under load a Binding would only get lost (lesson 19). But
  // data that nothing comes back for may go nowhere: a NAT that maps us anew, a relay that has
  // fallen silent, or checks of a peer that cannot be reached must not keep us from asking. So what
  // was heard last counts, not what was sent last.
  last_keep_alive_ = std::max(last_keep_alive_, heard_at());
  return ChannelRoute{*channel, *active_socket_};
}

// --- Facts from above

void Allocation::probe(Timestamp now) {
  now = clamp(now);
  if (failure_) return;
  if (is_suspended_) {
    if (refused_until_ && now < *refused_until_) return;
    is_suspended_ = false;
    refused_until_.reset();
    active_socket_.reset();
    discover(now);
    return;
  }
  if (!grant_) return;
  requests_.remove(Purpose::kRefresh);
  refresh(now, stun::kRelayProbe);
}

void Allocation::check(Timestamp now) {
  now = clamp(now);
  if (!grant_) return;
  if (!requests_.contains(Purpose::kKeepAlive)) {
    last_keep_alive_ = now;
    send(now, Purpose::kKeepAlive, *active_socket_, {.signing = Signing::kBare});
  }
  if (!requests_.contains(Purpose::kRefresh)) refresh(now, stun::kRelayRetransmission);
}

void Allocation::doubt(Timestamp now) {
  now = clamp(now);
  if (!grant_ || now - heard_at() < kJustHeard) return;
  if (last_doubt_ && now - *last_doubt_ < kDoubtGap) return;
  last_doubt_ = now;
  requests_.remove(Purpose::kRefresh);
  refresh(now, stun::kRelayDoubt);
}

void Allocation::set_credentials(Timestamp now, Credentials credentials) {
  now = clamp(now);
  if (credentials == authentication_.credentials()) return;
  // Standard servers let nobody but its user touch an allocation, and allow one per 5-tuple.
  auto former = grant_ ? std::optional(std::move(authentication_)) : std::move(former_);
  invalidate_and_rebind("new credentials");
  authentication_ = Authentication(std::move(credentials));
  former_ = std::move(former);
  failure_.reset();
  refused_until_.reset();
  is_suspended_ = false;
  wrongly_signed_ = 0;
  if (former_ && active_socket_) {
    send(now, Purpose::kRelease, *active_socket_, {.policy = stun::kRelayProbe});
  } else if (active_socket_) {
    allocate(now);
  } else {
    discover(now);
  }
}

void Allocation::restart(Timestamp now) {
  now = clamp(now);
  abandon("restarted");
  authentication_.forget_nonce();
  refused_peers_.clear();
  active_socket_.reset();
  addresses_ = {};
  round_trip_time_.reset();
  failure_.reset();
  refused_until_.reset();
  is_suspended_ = false;
  wrongly_signed_ = 0;
  reallocation_ = Backoff(kReallocation);
  discover(now);
}

void Allocation::release(Timestamp now) {
  now = clamp(now);
  const bool is_worth_it = grant_.has_value();
  abandon("released");
  is_suspended_ = true;
  if (is_worth_it) {
    send(now, Purpose::kRelease, *active_socket_, {.policy = stun::kRelayProbe});
  }
}

// --- State

std::optional<SocketAddress> Allocation::relayed_address(IpFamily family) const {
  if (!grant_) return std::nullopt;
  return family == IpFamily::kV4 ? grant_->v4 : grant_->v6;
}

std::optional<Failure> Allocation::failure() const {
  if (!events_.empty() || !requests_.empty() || !allocate_at_.is_never()) return std::nullopt;
  if (failure_) return failure_;
  if (!active_socket_) return Failure::kNoResponse;
  return std::nullopt;
}

// Host and server-reflexive addresses stay: that a relay forgot us does not change what the network
// sees.
void Allocation::invalidate(const char* why) {
  tracer_->trace(TraceLevel::kDebug, "turn", "allocation invalid", {{"why", why}});
  for (const IpFamily family : {IpFamily::kV4, IpFamily::kV6}) {
    if (const auto relayed = relayed_address(family)) {
      events_.push_back(RelayedAddressRemoved{*relayed});
    }
  }
  grant_.reset();
  former_.reset();
  channels_.clear();
  requests_.clear();
  refresh_at_ = Timestamp::never();
}

// Whoever was reachable shall be again, without waiting for the next datagram (lesson 17).
void Allocation::invalidate_and_rebind(const char* why) {
  const auto peers = channels_.peers();
  invalidate(why);
  for (const SocketAddress& peer : peers) waiting_binds_.add(peer);
}

// Nothing follows by itself, whoever waits.
void Allocation::abandon(const char* why) {
  invalidate(why);
  waiting_binds_.clear();
  allocate_at_ = Timestamp::never();
}

void Allocation::fail(Failure why) {
  abandon(failure_text(why).data());
  failure_ = why;
}

// --- Time

Timestamp Allocation::heard_at() const {
  return std::max(last_verified_, last_received_.value_or(last_verified_));
}

Timestamp Allocation::refresh_due() const {
  return grant_ && !requests_.contains(Purpose::kRefresh) ? refresh_at_ : Timestamp::never();
}

Timestamp Allocation::keep_alive_due() const {
  if (!grant_ || requests_.contains(Purpose::kKeepAlive) || requests_.contains(Purpose::kRefresh)) {
    return Timestamp::never();
  }
  return last_keep_alive_ + kRelayKeepAlive;
}

Timestamp Allocation::channel_refresh_due() const {
  if (!grant_ || is_binding_as_many_as_it_may()) return Timestamp::never();
  return channels_.next_refresh_at();
}

void Allocation::handle_timeout(Timestamp now) {
  now = clamp(now);
  if (grant_ && grant_->expires_at <= now) {
    invalidate_and_rebind("expired");
    reallocate(now);
  }
  for (const Request& request : requests_.handle_timeout(now)) handle_silence(request);
  if (allocate_at_ <= now) allocate(now);
  if (refresh_due() <= now) refresh(now, stun::kRelayRetransmission);
  if (keep_alive_due() <= now) keep_alive(now);
  while (channel_refresh_due() <= now) {
    if (const auto binding = channels_.take_refresh(now)) bind(now, *binding);
  }
}

// A Binding holds the NAT's mapping open but is answered by a relay that rebooted as well; now and
// then a Refresh takes its place.
void Allocation::keep_alive(Timestamp now) {
  last_keep_alive_ = now;
  if (now - last_verified_ >= kVerifiedKeepAlive) {
    refresh(now, stun::kRelayRetransmission);
  } else {
    send(now, Purpose::kKeepAlive, *active_socket_, {.signing = Signing::kBare});
  }
}

void Allocation::handle_silence(const Request& request) {
  tracer_->trace(TraceLevel::kDebug, "turn", "request unanswered");
  if (former_ && request.purpose == Purpose::kRelease) {
    finish_release(last_now_);
    return;
  }
  if (request.was_refused) {
    fail(Failure::kWrongCredentials);
    return;
  }
  if (!active_socket_ || active_socket_->ip.family() != request.to.ip.family()) return;
  // Only the Binding was lost, while data came through.
  if (is_binding(request.purpose) && last_received_ && *last_received_ > request.began) return;
  active_socket_.reset();
  abandon("no response");
}

// --- Outputs

std::optional<Transmit> Allocation::poll_transmit() { return requests_.poll_transmit(); }

std::optional<AllocationEvent> Allocation::poll_event() {
  if (events_.empty()) return std::nullopt;
  const AllocationEvent event = events_.front();
  events_.pop_front();
  return event;
}

Wakeup Allocation::poll_timeout() const {
  if (!events_.empty()) return {last_now_, "relay events"};
  Wakeup next = requests_.poll_timeout();
  if (grant_) next = earliest(next, {grant_->expires_at, "allocation expires"});
  next = earliest(next, {refresh_due(), "refresh allocation"});
  next = earliest(next, {keep_alive_due(), "keep relay path alive"});
  next = earliest(next, {channel_refresh_due(), "refresh channel"});
  next = earliest(next, {allocate_at_, "allocate again"});
  if (next.at.is_never()) return Wakeup::none();
  next.at = std::max(next.at, last_now_);
  return next;
}

Inbound Allocation::drop(Drop why) {
  ++drops_[static_cast<size_t>(why)];
  return why;
}

}  // namespace connlib::snownet::turn
