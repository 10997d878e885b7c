// Server: receiving, authentication, timers and outputs.
#include "snownet/relay/server.h"

#include <algorithm>
#include <utility>

#include <absl/time/time.h>

#include "connlib/base/check.h"

namespace connlib::snownet::relay {
namespace {

using stun::AttributeType;
using stun::ErrorCode;
using stun::MessageClass;
using stun::Method;

constexpr const char* kModule = "relay";

PeerPolicyOptions with_public_addresses(const ServerOptions& options) {
  PeerPolicyOptions peers = options.peers;
  if (options.public_v4) peers.own_addresses.emplace_back(*options.public_v4);
  if (options.public_v6) peers.own_addresses.emplace_back(*options.public_v6);
  return peers;
}

// EVEN-PORT without its R bit only asks for a port that is even; that we can give. With it a second
// port is to be reserved, which we do not.
bool is_plain_even_port(std::span<const uint8_t> value) {
  return value.size() == 1 && (value[0] & 0x80U) == 0;
}

stun::UnknownAttributes unknown_attributes(const stun::Message& message) {
  const stun::UnknownAttributes all = message.unknown_required();
  if (message.method() != Method::kAllocate) return all;
  stun::UnknownAttributes unknown;
  for (const AttributeType type : all.types()) {
    if (type == AttributeType::kEvenPort && is_plain_even_port(*message.find(type))) continue;
    unknown.add(type);
  }
  return unknown;
}

bool is_known(Method method) {
  return method == Method::kBinding || method == Method::kAllocate || method == Method::kRefresh ||
         method == Method::kCreatePermission || method == Method::kChannelBind;
}

}  // namespace

Server::Server(ServerOptions options, Credentials credentials, RandomSource& random, Tracer& tracer,
               Timestamp now, absl::Time date)
    : options_(std::move(options)),
      credentials_(std::move(credentials)),
      random_(random),
      tracer_(tracer),
      last_now_(now),
      date_known_at_(now),
      date_(date),
      nonces_(random),
      replies_(options_.limits.unauthenticated_replies_per_second,
               options_.limits.unauthenticated_reply_burst, random),
      policy_(with_public_addresses(options_)),
      ports_(options_.lowest_port, options_.highest_port, options_.listen_port),
      table_(options_.lowest_port, options_.highest_port),
      rate_(options_.limits.bits_per_second) {
  CONNLIB_CHECK(!families().empty());
}

// The order of these checks is that of the relay specification: cheap ones first, no answer to
// whatever is not a request, none to a source that could make us talk to ourselves.
Server::Fate Server::handle_stun(Timestamp now, const SocketAddress& client,
                                 std::span<const uint8_t> datagram) {
  if (!can_be_answered(client)) return Drop::kSourceCannotBeAnswered;
  const auto header = stun::parse_header(datagram);
  if (!header || datagram.size() > kMaxRequestBytes) return Drop::kNotOurs;
  if (header->type.cls != MessageClass::kRequest) return Drop::kNotARequest;
  if (responses_.size() >= kMaxQueuedOutputs || commands_.size() >= kMaxQueuedOutputs) {
    return Drop::kQueueFull;
  }
  expire(now);
  Request request{.now = now, .client = client, .header = *header, .bytes = datagram.size()};
  const auto parsed = stun::parse_message(datagram);
  if (const auto* error = std::get_if<stun::ParseError>(&parsed)) {
    switch (*error) {
      case stun::ParseError::kNotStun:
        return Drop::kNotOurs;
      case stun::ParseError::kWrongFingerprint:
        return Drop::kWrongFingerprint;
      case stun::ParseError::kMalformed:
        return refuse(request, ErrorCode::kBadRequest);
    }
  }
  // A malformed message never names anybody; from here on USERNAME can be read.
  request.message = std::get_if<stun::Message>(&parsed);
  return serve(request);
}

Server::Fate Server::serve(Request& request) {
  const stun::Message& message = *request.message;
  if (!is_known(message.method())) return refuse(request, ErrorCode::kBadRequest);
  if (const auto unknown = unknown_attributes(message); !unknown.empty()) {
    return refuse(request, ErrorCode::kUnknownAttribute, unknown.types());
  }
  if (message.method() == Method::kBinding) {
    if (!replies_.allow(request.now, request.client.ip)) return Drop::kReplyLimit;
    queue(binding_success(request.client, message.transaction_id()), Method::kBinding, 0);
    return Consumed{};
  }
  if (!has_required_attributes(message)) return refuse(request, ErrorCode::kBadRequest);
  if (const auto error = authenticate(request)) return refuse(request, *error);
  if (const auto id = table_.find(request.client);
      id && table_[*id].state == Allocation::State::kOpening) {
    return Drop::kAllocationOpening;
  }
  switch (message.method()) {
    case Method::kAllocate:
      return allocate(request);
    case Method::kRefresh:
      return refresh(request);
    case Method::kChannelBind:
      return bind_channel(request);
    default:
      return create_permission(request);
  }
}

bool Server::has_required_attributes(const stun::Message& message) const {
  switch (message.method()) {
    case Method::kAllocate:
      return message.requested_transport().has_value();
    case Method::kChannelBind: {
      const auto number = message.channel_number();
      return number && *number >= stun::kFirstChannel && *number <= options_.last_channel &&
             message.xor_peer_address();
    }
    default:  // Any value may arrive.
      return true;
  }
}

std::optional<ErrorCode> Server::authenticate(Request& request) {
  const stun::Message& message = *request.message;
  const auto username = message.username();
  const auto nonce = message.nonce();
  if (!message.has_integrity() || !username || !nonce) return ErrorCode::kUnauthorized;
  if (!nonces_.accepts(request.now, request.client, *nonce)) return ErrorCode::kStaleNonce;
  find_key(request, *username);
  if (request.key == nullptr) return ErrorCode::kUnauthorized;
  if (request.credentials_expire_at < date_at(request.now)) return ErrorCode::kUnauthorized;
  if (!message.verify_integrity(*request.key)) return ErrorCode::kUnauthorized;
  return std::nullopt;
}

// Finds the key behind `username`: the client's allocation may have it already, else it is derived.
void Server::find_key(Request& request, std::string_view username) {
  if (request.key != nullptr) return;
  if (const auto id = table_.find(request.client); id && table_[*id].username == username) {
    request.key = &table_[*id].key;
    request.credentials_expire_at = table_[*id].credentials_expire_at;
    return;
  }
  const auto account = credentials_.find(username);
  if (!account) return;
  request.key = &request.derived_key.emplace(account->key.bytes());
  request.credentials_expire_at = account->expires_at;
}

// A reply to port 0 goes nowhere, one to a group goes everywhere, one to our own socket comes back.
bool Server::can_be_answered(const SocketAddress& client) const {
  if (client.port == 0 || client.ip.is_multicast() || client.ip.is_unspecified()) return false;
  if (const auto* four = client.ip.v4(); four != nullptr && four->bytes[0] >= 240) return false;
  return client.port != options_.listen_port || !policy_.is_own(client.ip);
}

// Departs from RFC 8489 §9.2.4, which signs no 401 or 438: clients of this relay want a refusal
// they can verify. Keys come from secrets of 256 bits, and the type of a message is under its MAC:
// a refusal is of no use as a request.
Server::Fate Server::refuse(Request& request, ErrorCode code,
                            std::span<const AttributeType> unknown) {
  if (!replies_.allow(request.now, request.client.ip)) return Drop::kReplyLimit;
  trace_refusal(request, code);
  const bool is_challenge = code == ErrorCode::kUnauthorized || code == ErrorCode::kStaleNonce;
  Refusal refusal{.code = code, .nonce = {}, .unknown = unknown};
  if (is_challenge) {
    refusal.nonce = nonces_.issue(request.now, request.client);
    if (const auto username = request.message->username()) find_key(request, *username);
    refusal.key = request.key;
  }
  queue(error_to_unproven(request.client, request.header, request.bytes, refusal),
        request.header.type.method, static_cast<uint16_t>(code));
  return Consumed{};
}

Server::Fate Server::answer(const Request& request, ErrorCode code) {
  trace_refusal(request, code);
  queue(error_to_proven(request.client, request.header, code, *request.key),
        request.header.type.method, static_cast<uint16_t>(code));
  return Consumed{};
}

void Server::queue(const Response& response, Method method, uint16_t code) {
  ++counters_.responses[{is_known(method) ? method : Method{}, code}];
  responses_.push_back(response);
}

void Server::handle_wall_clock(Timestamp now, absl::Time date) {
  date_known_at_ = clamp(now);
  date_ = date;
}

absl::Time Server::date_at(Timestamp now) const {
  return date_ + absl::Nanoseconds((now - date_known_at_).count());
}

void Server::handle_shutdown_requested(Timestamp now) {
  clamp(now);
  is_draining_ = true;
}

void Server::handle_timeout(Timestamp now) { expire(clamp(now)); }

void Server::expire(Timestamp now) {
  while (table_.next_allocation_at() <= now) {
    remove_allocation(table_.next_allocation(), "expired");
  }
  while (table_.next_channel_at() <= now) {
    const ChannelId id = table_.next_channel();
    const Channel& channel = table_[id];
    if (!channel.is_bound) {
      table_.forget(id);
      continue;
    }
    trace_channel("channel expires", channel);
    commands_.emplace_back(RemoveBinding{binding_of(channel)});
    table_.cool_down(id);
  }
}

std::optional<Command> Server::poll_command() {
  if (commands_.empty()) return std::nullopt;
  const Command command = commands_.front();
  commands_.pop_front();
  return command;
}

std::optional<Response> Server::poll_transmit() {
  if (responses_.empty()) return std::nullopt;
  const Response response = responses_.front();
  responses_.pop_front();
  return response;
}

Wakeup Server::poll_timeout() const {
  if (!commands_.empty()) return {last_now_, "run commands"};
  if (!responses_.empty()) return {last_now_, "send responses"};
  Wakeup next = earliest(Wakeup{table_.next_allocation_at(), "expire an allocation"},
                         Wakeup{table_.next_channel_at(), "expire a channel"});
  return next.at.is_never() ? Wakeup::none() : next;
}

Timestamp Server::clamp(Timestamp now) { return last_now_ = std::max(last_now_, now); }

bool Server::is_consistent() const {
  return table_.is_consistent() &&
         ports_.free() + table_.size() <= size_t{options_.highest_port} - options_.lowest_port + 1;
}

void Server::trace_allocation(const char* message, const Allocation& allocation,
                              const char* why) const {
  if (!tracer_.enabled(TraceLevel::kDebug)) return;
  tracer_.trace(TraceLevel::kDebug, kModule, message,
                {{"client", to_text(allocation.client)},
                 {"port", uint32_t{allocation.port}},
                 {"v4", int{allocation.families.v4}},
                 {"v6", int{allocation.families.v6}},
                 {"why", why}});
}

void Server::trace_refusal(const Request& request, ErrorCode code) const {
  if (!tracer_.enabled(TraceLevel::kDebug)) return;
  const auto* message = request.message;
  const auto peer = message != nullptr ? message->xor_peer_address() : std::nullopt;
  const auto number = message != nullptr ? message->channel_number() : std::nullopt;
  tracer_.trace(TraceLevel::kDebug, kModule, "request refused",
                {{"client", to_text(request.client)},
                 {"method", uint32_t{static_cast<uint16_t>(request.header.type.method)}},
                 {"code", uint32_t{static_cast<uint16_t>(code)}},
                 {"peer", peer ? to_text(*peer) : "none"},
                 {"channel", uint32_t{number ? number->value() : uint16_t{0}}}});
}

void Server::trace_channel(const char* message, const Channel& channel) const {
  if (!tracer_.enabled(TraceLevel::kDebug)) return;
  tracer_.trace(TraceLevel::kDebug, kModule, message,
                {{"client", to_text(table_[channel.allocation].client)},
                 {"channel", uint32_t{channel.number.value()}},
                 {"peer", to_text(channel.peer)}});
}

}  // namespace connlib::snownet::relay
