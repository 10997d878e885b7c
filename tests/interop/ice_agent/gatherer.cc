#include "tests/interop/ice_agent/gatherer.h"

#include <array>
#include <utility>
#include <variant>

#include "snownet/stun/channel_data.h"
#include "tests/interop/ice_agent/interface_addresses.h"

namespace connlib::interop {

using snownet::ice::Candidate;
using snownet::stun::kChannelDataHeaderBytes;

Gatherer::Gatherer(Options& options, UdpSockets& sockets, RandomSource& random, Tracer& tracer,
                   Timestamp now)
    : options_(options), sockets_(sockets) {
  if (options.has_turn()) {
    allocation_.emplace(options.turn, *std::move(options.credentials), random, tracer, now);
  }
  // The allocation asks its own server.
  if (options.stun && options.stun != options.turn.of(options.stun->ip.family())) {
    query_.emplace(*options.stun, random, now);
  }
  add_interface_addresses();
}

bool Gatherer::has_server(IpFamily family) const {
  return options_.turn.of(family) || (options_.stun && options_.stun->ip.family() == family);
}

void Gatherer::add_interface_addresses() {
  for (const IpAddress& address : interface_addresses()) {
    const auto port = sockets_.port(address.family());
    if (has_server(address.family()) || !port) continue;
    add_found({address, *port}, {address, *port});
  }
}

void Gatherer::add_found(const SocketAddress& local, const SocketAddress& mapped) {
  if (options_.relay_only || !options_.uses(local.ip.family())) return;
  candidates_.push_back(Candidate::host(local));
  if (mapped != local) candidates_.push_back(Candidate::server_reflexive(mapped, local));
}

std::optional<Arrival> Gatherer::handle_datagram(Timestamp now, const Arrival& arrival) {
  if (query_) {
    if (const auto mapped = query_->take_answer(arrival.from, arrival.bytes)) {
      add_found(arrival.local, *mapped);
      return std::nullopt;
    }
  }
  const auto from_relay = options_.turn.of(arrival.from.ip.family());
  if (!allocation_ || arrival.from != from_relay) return arrival;
  const auto inbound =
      allocation_->handle_datagram(now, arrival.local, arrival.from, arrival.bytes);
  take_events();
  const auto* received = std::get_if<snownet::turn::Received>(&inbound);
  if (received == nullptr) return std::nullopt;
  const auto relayed = allocation_->relayed_address(received->peer.ip.family());
  if (!relayed) return std::nullopt;
  return Arrival{*relayed, received->peer, received->payload};
}

void Gatherer::take_events() {
  while (const auto event = allocation_->poll_event()) {
    if (const auto* found = std::get_if<snownet::turn::AddressDiscovered>(&*event)) {
      add_found(found->local, found->mapped);
    } else if (const auto* added = std::get_if<snownet::turn::RelayedAddressAdded>(&*event)) {
      is_allocation_settled_ = true;
      if (options_.uses(added->relayed.ip.family())) {
        candidates_.push_back(Candidate::relayed(added->relayed, added->relay.ip.family()));
      }
    }
  }
  if (allocation_->failure() || allocation_->is_suspended()) is_allocation_settled_ = true;
}

std::optional<Candidate> Gatherer::poll_candidate() {
  if (candidates_.empty()) return std::nullopt;
  const Candidate candidate = candidates_.front();
  candidates_.pop_front();
  return candidate;
}

bool Gatherer::is_over() const {
  return candidates_.empty() && (!query_ || query_->is_over()) &&
         (!allocation_ || is_allocation_settled_);
}

void Gatherer::expect(Timestamp now, const SocketAddress& remote) {
  if (allocation_) allocation_->bind_channel(now, remote);
}

bool Gatherer::is_relayed(const SocketAddress& local) const {
  return allocation_ && allocation_->relayed_address(local.ip.family()) == local;
}

void Gatherer::send(Timestamp now, const SocketAddress& local, const SocketAddress& remote,
                    std::span<const uint8_t> bytes) {
  if (!is_relayed(local)) {
    sockets_.send(local.ip, remote, bytes);
    return;
  }
  const auto route = allocation_->route_to(now, remote);
  if (!route) return;  // Not yet: whoever wants an answer asks again.
  std::array<uint8_t, kChannelDataHeaderBytes> header{};
  snownet::stun::write_channel_data_header(header, route->channel, bytes.size());
  frame_.assign(header.begin(), header.end());
  frame_.insert(frame_.end(), bytes.begin(), bytes.end());
  sockets_.send(std::nullopt, route->relay, frame_);
}

void Gatherer::handle_timeout(Timestamp now) {
  if (query_) query_->handle_timeout(now);
  if (!allocation_) return;
  allocation_->handle_timeout(now);
  take_events();
}

void Gatherer::transmit() {
  if (query_) {
    while (const auto bytes = query_->poll_transmit()) {
      sockets_.send(std::nullopt, query_->server(), *bytes);
    }
  }
  if (!allocation_) return;
  while (const auto out = allocation_->poll_transmit()) {
    sockets_.send(std::nullopt, out->to, out->datagram);
  }
}

Wakeup Gatherer::poll_timeout() const {
  Wakeup next;
  if (query_) next = earliest(next, query_->poll_timeout());
  if (allocation_) next = earliest(next, allocation_->poll_timeout());
  return next;
}

}  // namespace connlib::interop
