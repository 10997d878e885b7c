#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

#include "connlib/base/ip.h"

namespace connlib::snownet::ice {

// CandidateKind is the type of a candidate (RFC 8445 §5.1.1).
enum class CandidateKind : uint8_t { kHost, kPeerReflexive, kServerReflexive, kRelayed };

// The word of the candidate line: host, prflx, srflx, relay.
std::string_view name(CandidateKind kind) noexcept;

// Candidate is one transport address that may carry the connection. Of a remote candidate the base
// is not known and equals the address.
struct Candidate {
  CandidateKind kind = CandidateKind::kHost;
  SocketAddress address;
  SocketAddress base;                    // What datagrams are sent from.
  std::optional<IpFamily> relay_family;  // Local relayed only: how we talk to the relay.
  uint32_t priority = 0;                 // Local candidates get theirs from the agent.

  static Candidate host(const SocketAddress& address) {
    return {CandidateKind::kHost, address, address, std::nullopt, 0};
  }
  static Candidate server_reflexive(const SocketAddress& address, const SocketAddress& base) {
    return {CandidateKind::kServerReflexive, address, base, std::nullopt, 0};
  }
  static Candidate relayed(const SocketAddress& address, IpFamily relay_family) {
    return {CandidateKind::kRelayed, address, address, relay_family, 0};
  }
  static Candidate remote(CandidateKind kind, const SocketAddress& address, uint32_t priority) {
    return {kind, address, address, std::nullopt, priority};
  }

  friend bool operator==(const Candidate&, const Candidate&) = default;
};

// is_usable() says whether datagrams may be sent to `address` at all. Refused: port 0; IPv4
// link-local, broadcast, multicast, unspecified; IPv6 multicast, unspecified, and IPv4 in disguise
// (::ffff:0:0/96), which would smuggle the former past this list. Loopback is allowed.
bool is_usable(const SocketAddress& address) noexcept;

}  // namespace connlib::snownet::ice
