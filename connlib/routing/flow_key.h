#pragma once

#include <optional>
#include <utility>
#include <variant>

#include "connlib/base/ip.h"
#include "connlib/base/timestamp.h"
#include "connlib/packet/ip_packet.h"
#include "connlib/packet/protocol.h"
#include "connlib/packet/quoted_packet.h"

namespace connlib::routing {

// FlowKey names a flow between us and a peer the same way in both directions (spec tunnel 7.1).
struct FlowKey {
  Protocol local;
  Protocol peer;
  IpAddress local_ip;
  IpAddress peer_ip;

  friend bool operator==(const FlowKey&, const FlowKey&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const FlowKey& key) {
    return H::combine(std::move(h), key.local, key.peer, key.local_ip, key.peer_ip);
  }
};

// flow_from_us() and flow_from_peer() are the flow of a packet that we, or the peer, sent; nullopt
// where it has neither ports nor an echo identifier.
inline std::optional<FlowKey> flow_from_us(const IpPacket& packet) noexcept {
  const ClassifiedProtocol source = packet.source_protocol();
  const ClassifiedProtocol destination = packet.destination_protocol();
  const auto* local = std::get_if<Protocol>(&source);
  const auto* peer = std::get_if<Protocol>(&destination);
  if (local == nullptr || peer == nullptr) return std::nullopt;
  return FlowKey{*local, *peer, packet.source(), packet.destination()};
}

inline std::optional<FlowKey> flow_from_peer(const IpPacket& packet) noexcept {
  auto flow = flow_from_us(packet);
  if (flow) {
    std::swap(flow->local, flow->peer);
    std::swap(flow->local_ip, flow->peer_ip);
  }
  return flow;
}

// The same for the packet that an ICMP error quotes: the error goes to whoever sent that one.
inline FlowKey flow_from_us(const QuotedPacket& quoted) noexcept {
  return {quoted.source_protocol(), quoted.destination_protocol(), quoted.source(),
          quoted.destination()};
}

inline FlowKey flow_from_peer(const QuotedPacket& quoted) noexcept {
  return {quoted.destination_protocol(), quoted.source_protocol(), quoted.destination(),
          quoted.source()};
}

// How long a flow lives without a packet. RFC 5382 REQ-5 asks for at least 2 h 4 min for TCP, RFC
// 4787 REQ-5 for at least 2 min for UDP.
inline constexpr Duration kTcpFlowLifetime = 2h + 4min;
inline constexpr Duration kUdpFlowLifetime = 2min;
inline constexpr Duration kIcmpFlowLifetime = 2min;

constexpr Duration flow_lifetime(Protocol::Kind kind) {
  switch (kind) {
    case Protocol::Kind::kTcp:
      return kTcpFlowLifetime;
    case Protocol::Kind::kUdp:
      return kUdpFlowLifetime;
    case Protocol::Kind::kIcmpEcho:
      return kIcmpFlowLifetime;
  }
  return kUdpFlowLifetime;
}

}  // namespace connlib::routing
