#include "snownet/turn/lab.h"

#include <algorithm>

#include "connlib/base/check.h"

namespace connlib::snownet::turn::testing {

using stun::ErrorCode;
using stun::Message;
using stun::MessageBuilder;
using stun::MessageClass;
using stun::Method;

size_t FakeRelay::count(Method method) const {
  return static_cast<size_t>(std::count_if(
      seen.begin(), seen.end(), [method](const Seen& one) { return one.method == method; }));
}

void FakeRelay::reboot(const char* password) {
  password_ = password;
  nonce += "+";
  has_allocation = false;
  channels.clear();
}

Bytes FakeRelay::error(const Message& request, ErrorCode code, bool is_signed) {
  std::array<uint8_t, 1024> out{};
  MessageBuilder builder(out, {request.method(), MessageClass::kError}, request.transaction_id());
  builder.add_error_code(code);
  if (code == ErrorCode::kUnauthorized || code == ErrorCode::kStaleNonce) {
    builder.add_realm(realm).add_nonce(nonce);
  }
  if (is_signed && key_) builder.add_integrity(*key_);
  const auto bytes = builder.finish();
  return {bytes->begin(), bytes->end()};
}

Bytes FakeRelay::success(const Message& request, const std::function<void(MessageBuilder&)>& fill,
                         bool is_signed) {
  std::array<uint8_t, 1024> out{};
  MessageBuilder builder(out, {request.method(), MessageClass::kSuccess}, request.transaction_id());
  fill(builder);
  if (is_signed) builder.add_integrity(*key_);
  const auto bytes = builder.finish();
  return {bytes->begin(), bytes->end()};
}

Bytes FakeRelay::allocate(const Message& request) {
  if (has_allocation) return error(request, ErrorCode::kAllocationMismatch, true);
  has_allocation = relayed || relayed6;
  owner_ = *request.username();
  return success(request, [this](MessageBuilder& builder) {
    if (relayed) builder.add_xor_relayed_address(*relayed);
    if (relayed6) builder.add_xor_relayed_address(*relayed6);
    builder.add_xor_mapped_address(mapped).add_lifetime(lifetime);
  });
}

Bytes FakeRelay::refresh(const Message& request) {
  if (!has_allocation) return error(request, ErrorCode::kAllocationMismatch, true);
  const auto asked = request.lifetime().value_or(lifetime);
  if (asked == 0s) {
    has_allocation = false;
    channels.clear();
  }
  return success(request, [asked](MessageBuilder& builder) { builder.add_lifetime(asked); });
}

Bytes FakeRelay::bind(const Message& request) {
  if (!has_allocation) return error(request, ErrorCode::kAllocationMismatch, true);
  const uint16_t number = request.channel_number()->value();
  const SocketAddress peer = *request.xor_peer_address();
  for (const auto& [other, who] : channels) {
    if ((other == number) != (who == peer)) return error(request, ErrorCode::kBadRequest, true);
  }
  channels[number] = peer;
  return success(request, [](MessageBuilder&) {});
}

std::optional<Bytes> FakeRelay::handle(Timestamp now, bool is_v6,
                                       std::span<const uint8_t> datagram) {
  const auto parsed = stun::parse_message(datagram);
  const auto* request = std::get_if<Message>(&parsed);
  if (request == nullptr) return std::nullopt;
  const auto channel = request->channel_number();
  seen.push_back({now, request->method(), request->transaction_id(), request->has_integrity(),
                  request->lifetime(), request->xor_peer_address(),
                  channel ? std::optional(channel->value()) : std::nullopt});
  if (is_silent_to(request->method())) return std::nullopt;
  if (request->method() == Method::kBinding) {
    return success(
        *request,
        [&](MessageBuilder& builder) { builder.add_xor_mapped_address(is_v6 ? mapped6 : mapped); },
        false);
  }
  if (is_like_coturn && has_allocation && request->method() == Method::kAllocate &&
      !request->nonce()) {
    return error(*request, ErrorCode::kAllocationMismatch, false);
  }
  key_.reset();
  if (const auto username = request->username()) {
    key_ = stun::IntegrityKey::long_term(*username, "firezone", password_);
  }
  if (wants_bare_request && request->has_integrity() && !request->nonce()) {
    return error(*request, ErrorCode::kBadRequest, false);
  }
  if (!request->has_integrity() || !request->nonce()) {
    return error(*request, ErrorCode::kUnauthorized, signs_challenges);
  }
  if (*request->nonce() != nonce) return error(*request, ErrorCode::kStaleNonce, signs_challenges);
  if (!request->verify_integrity(*key_)) {
    return error(*request, ErrorCode::kUnauthorized, signs_challenges);
  }
  if (const auto code = refuses.find(request->method()); code != refuses.end()) {
    return error(*request, code->second, true);
  }
  if (is_like_coturn && has_allocation && *request->username() != owner_) {
    return error(*request,
                 request->method() == Method::kAllocate ? ErrorCode::kAllocationMismatch
                                                        : ErrorCode::kWrongCredentials,
                 false);
  }
  switch (request->method()) {
    case Method::kAllocate:
      return allocate(*request);
    case Method::kRefresh:
      return refresh(*request);
    case Method::kChannelBind:
      return bind(*request);
    default:
      return std::nullopt;
  }
}

Lab::Lab(RelaySockets sockets, uint64_t seed)
    : random(seed), allocation(sockets, credentials(), random, null_tracer(), kStart) {}

void Lab::drain() {
  while (const auto out = allocation.poll_transmit()) {
    Bytes bytes(out->datagram.begin(), out->datagram.end());
    sent.push_back(bytes);
    wire_.push_back({now + latency, true, out->to, std::move(bytes)});
  }
  while (const auto event = allocation.poll_event()) events.push_back(*event);
}

void Lab::deliver() {
  std::deque<InFlight> due;
  std::deque<InFlight> later;
  for (auto& one : wire_) (one.at <= now ? due : later).push_back(std::move(one));
  wire_ = std::move(later);
  for (auto& one : due) {
    const bool is_v6 = one.relay.ip.is_v6();
    if (is_v6 ? is_v6_dead : is_v4_dead) continue;
    if (one.to_relay) {
      if (auto answer = relay.handle(now, is_v6, one.bytes)) {
        wire_.push_back({now + latency, false, one.relay, std::move(*answer)});
      }
    } else {
      allocation.handle_datagram(now, is_v6 ? kLocal6 : local, one.relay, one.bytes);
    }
  }
}

void Lab::run_for(Duration span) {
  const Timestamp end = now + span;
  for (;;) {
    drain();
    Timestamp next = allocation.poll_timeout().at;
    for (const auto& one : wire_) next = std::min(next, one.at);
    if (next > end) break;
    now = std::max(now, next);
    allocation.handle_timeout(now);
    drain();
    CONNLIB_CHECK(allocation.poll_timeout().at > now);  // A spin, or a deadline that is not ours.
    deliver();
  }
  now = end;
}

void Lab::allocated() {
  run_for(200ms);
  CONNLIB_CHECK(allocation.is_allocated());
}

}  // namespace connlib::snownet::turn::testing
