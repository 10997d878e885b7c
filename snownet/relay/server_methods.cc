// The methods of Server: what an authenticated request does.
#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "snownet/relay/requested_families.h"
#include "snownet/relay/server.h"
#include "snownet/relay/source_prefix.h"

namespace connlib::snownet::relay {
namespace {

using std::chrono::seconds;
using stun::AttributeType;
using stun::ErrorCode;
using stun::MessageBuilder;
using stun::Method;

constexpr uint8_t kUdp = 17;

seconds granted(std::optional<seconds> requested) {
  return std::min(
      requested.value_or(std::chrono::duration_cast<seconds>(kDefaultAllocationLifetime)),
      std::chrono::duration_cast<seconds>(kMaxAllocationLifetime));
}

}  // namespace

Server::Fate Server::allocate(Request& request) {
  const stun::Message& message = *request.message;
  if (const auto id = table_.find(request.client)) {
    // RFC 8656 §7.2: a retransmission is answered as the original was.
    if (table_[*id].transaction_id != message.transaction_id()) {
      return answer(request, ErrorCode::kAllocationMismatch);
    }
    queue(table_[*id].response, Method::kAllocate, 0);
    return Consumed{};
  }
  FamilySet families;
  if (const auto error = refuse_allocation(request, families)) return answer(request, *error);

  const std::string_view username = *message.username();
  const auto of_user = table_.of_user(username);
  const size_t limit = std::max(options_.limits.allocations_per_user, 1U);
  for (size_t i = 0; i + limit <= of_user.size(); ++i) {
    remove_allocation(of_user[i], "replaced by a newer one of its user");
  }
  const bool wants_even_port = message.find(AttributeType::kEvenPort).has_value();
  const auto port = wants_even_port ? ports_.take_even(random_) : ports_.take(random_);
  if (!port) return answer(request, ErrorCode::kInsufficientCapacity);

  auto allocation = std::make_unique<Allocation>(request.client, std::string(username),
                                                 std::move(*request.derived_key));
  allocation->credentials_expire_at = request.credentials_expire_at;
  allocation->port = *port;
  allocation->families = families;
  allocation->has_even_port = wants_even_port;
  allocation->lifetime = granted(message.lifetime());
  // RFC 8656 §7.2 would raise every lifetime below the default; we raise only "not at all".
  if (allocation->lifetime == seconds(0)) allocation->lifetime = granted(std::nullopt);
  allocation->expires_at = request.now + allocation->lifetime;
  allocation->rate = RateLimit(options_.limits.bits_per_second_per_allocation);
  allocation->transaction_id = message.transaction_id();
  table_.add(std::move(allocation));
  commands_.emplace_back(OpenPort{*port, families});
  return Consumed{};
}

std::optional<ErrorCode> Server::refuse_allocation(const Request& request, FamilySet& families) {
  const stun::Message& message = *request.message;
  if (is_draining_ || ports_.free() == 0 || table_.size() >= options_.limits.allocations) {
    return ErrorCode::kInsufficientCapacity;
  }
  if (message.requested_transport() != kUdp) return ErrorCode::kUnsupportedTransportProtocol;
  const auto decided = requested_families(this->families(), message.requested_address_family(),
                                          message.additional_address_family());
  if (const auto* error = std::get_if<ErrorCode>(&decided)) return *error;
  families = *std::get_if<FamilySet>(&decided);
  if (table_.count_of_source(source_prefix(request.client.ip)) >=
      options_.limits.allocations_per_source) {
    return ErrorCode::kAllocationQuotaReached;
  }
  return std::nullopt;
}

void Server::handle_port_opened(Timestamp now, uint16_t port) {
  clamp(now);
  const auto id = table_.find(port);
  if (!id) {
    if (ports_.contains(port)) commands_.emplace_back(ClosePort{port});  // Deleted meanwhile.
    return;
  }
  Allocation& allocation = table_[*id];
  if (allocation.state != Allocation::State::kOpening) return;
  allocation.state = Allocation::State::kOpen;
  for (const uint16_t failed : std::exchange(allocation.failed_ports, {})) ports_.give_back(failed);
  allocation.response =
      success(allocation.client, Method::kAllocate, allocation.transaction_id, allocation.key,
              [&](MessageBuilder& builder) {
                if (allocation.families.v4)
                  builder.add_xor_relayed_address({*options_.public_v4, port});
                if (allocation.families.v6)
                  builder.add_xor_relayed_address({*options_.public_v6, port});
                builder.add_xor_mapped_address(allocation.client).add_lifetime(allocation.lifetime);
              });
  trace_allocation("allocation made", allocation, "requested");
  queue(allocation.response, Method::kAllocate, 0);
}

// Another program has the port. It stays aside until this allocation found one.
void Server::handle_port_failed(Timestamp now, uint16_t port) {
  clamp(now);
  const auto id = table_.find(port);
  if (!id || table_[*id].state != Allocation::State::kOpening) return;
  Allocation& allocation = table_[*id];
  allocation.failed_ports.push_back(port);
  std::optional<uint16_t> next;
  if (allocation.failed_ports.size() < kMaxPortAttempts) {
    next = allocation.has_even_port ? ports_.take_even(random_) : ports_.take(random_);
  }
  if (next) {
    table_.move_to_port(*id, *next);
    commands_.emplace_back(OpenPort{*next, allocation.families});
    return;
  }
  const auto removed = table_.remove(*id);
  for (const uint16_t failed : removed->failed_ports) ports_.give_back(failed);
  trace_allocation("allocation failed", *removed, "no port could be opened");
  const stun::Header header{{Method::kAllocate, stun::MessageClass::kRequest},
                            removed->transaction_id};
  queue(error_to_proven(removed->client, header, ErrorCode::kInsufficientCapacity, removed->key),
        Method::kAllocate, static_cast<uint16_t>(ErrorCode::kInsufficientCapacity));
}

Server::Fate Server::refresh(Request& request) {
  const auto id = table_.find(request.client);
  if (!id) return answer(request, ErrorCode::kAllocationMismatch);
  // Departs from RFC 8656 §5: any valid user may refresh (no 441). A client whose credentials were
  // renewed deletes its old allocation under its new name.
  const seconds lifetime = granted(request.message->lifetime());
  queue(success(request.client, Method::kRefresh, request.message->transaction_id(), *request.key,
                [&](MessageBuilder& builder) { builder.add_lifetime(lifetime); }),
        Method::kRefresh, 0);
  if (lifetime == seconds(0)) {
    remove_allocation(*id, "deleted by its client");
  } else {
    table_.set_expiry(*id, request.now + lifetime);
  }
  return Consumed{};
}

Server::Fate Server::bind_channel(Request& request) {
  const auto id = table_.find(request.client);
  if (!id) return answer(request, ErrorCode::kAllocationMismatch);
  const stun::ChannelNumber number = *request.message->channel_number();
  const SocketAddress peer = *request.message->xor_peer_address();
  if (const auto error = refuse_channel(*id, number, peer)) return answer(request, *error);
  const Timestamp expires_at = request.now + kChannelLifetime;
  auto channel = table_.find(*id, number);
  if (channel) {
    table_.rebind(*channel, expires_at);
  } else {
    channel = table_.add_channel(*id, number, peer, expires_at);
    trace_channel("channel bound", table_[*channel]);
  }
  commands_.emplace_back(AddBinding{binding_of(table_[*channel])});
  queue(success(request.client, Method::kChannelBind, request.message->transaction_id(),
                *request.key, [](MessageBuilder&) {}),
        Method::kChannelBind, 0);
  return Consumed{};
}

std::optional<ErrorCode> Server::refuse_channel(AllocationId id, stun::ChannelNumber number,
                                                const SocketAddress& peer) const {
  if (!table_[id].families.contains(peer.ip.family())) {
    return ErrorCode::kPeerAddressFamilyMismatch;
  }
  if (!policy_.allows(peer) && !is_own_relayed_address(peer)) return ErrorCode::kForbidden;
  // RFC 8656 §12: neither number nor peer may be in another binding, until its cool-down is over.
  const auto by_peer = table_.find(id, peer);
  const auto by_number = table_.find(id, number);
  if (by_peer != by_number) return ErrorCode::kBadRequest;
  if (!by_number && table_.channel_count() >= options_.limits.channels) {
    return ErrorCode::kInsufficientCapacity;
  }
  return std::nullopt;
}

// Both ends of a connection may have chosen this relay: the relayed addresses of other clients are
// the only ones of our own that a client may reach.
bool Server::is_own_relayed_address(const SocketAddress& peer) const {
  const bool is_public = peer.ip == IpAddress(options_.public_v4.value_or(Ipv4Address{})) ||
                         peer.ip == IpAddress(options_.public_v6.value_or(Ipv6Address{}));
  if (!is_public || peer.ip.is_unspecified()) return false;
  const auto id = table_.find(peer.port);
  return id && table_[*id].families.contains(peer.ip.family());
}

// Departs from RFC 8656 §9: channels are the only permissions, so there is nothing to install.
Server::Fate Server::create_permission(Request& request) {
  queue(success(request.client, Method::kCreatePermission, request.message->transaction_id(),
                *request.key, [](MessageBuilder&) {}),
        Method::kCreatePermission, 0);
  return Consumed{};
}

void Server::remove_allocation(AllocationId id, const char* why) {
  // In the order of their making, whatever the order of the table.
  std::vector<ChannelId> channels = table_[id].channels;
  std::sort(channels.begin(), channels.end(),
            [&](ChannelId a, ChannelId b) { return table_[a].number < table_[b].number; });
  for (const ChannelId channel : channels) {
    if (table_[channel].is_bound)
      commands_.emplace_back(RemoveBinding{binding_of(table_[channel])});
  }
  const auto removed = table_.remove(id);
  trace_allocation("allocation removed", *removed, why);
  for (const uint16_t failed : removed->failed_ports) ports_.give_back(failed);
  ports_.give_back(removed->port);
  commands_.emplace_back(ClosePort{removed->port});
}

Binding Server::binding_of(const Channel& channel) const {
  const Allocation& allocation = table_[channel.allocation];
  return {allocation.client, channel.number, channel.peer, allocation.port};
}

}  // namespace connlib::snownet::relay
