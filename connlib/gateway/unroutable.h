#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "connlib/base/ip.h"
#include "connlib/packet/icmp_error.h"

namespace connlib::gateway {

// Unroutable is why a packet went nowhere (spec tunnel 6.6). All of it is expected traffic: one
// counter each, no log line above trace.
enum class Unroutable : uint8_t {
  // From clients and from the TUN.
  kMalformed,          // No packet that we carry: fragments, bad lengths.
  kMulticast,          // Groups do not cross the tunnel.
  kExpiredNatSession,  // From a resource that the client has stopped talking to.
  kNotAllowed,         // No grant, or filters forbid it. Clients are told: prohibited.
  kNotConnected,       // The client's connection cannot carry it yet, or any more.
  // From the TUN.
  kControlFromTun,  // Shaped like one of our control packets; it must not be passed on.
  kNotAPeer,        // Its destination is not a tunnel address.
  kNoPeerState,     // No client has that address.
  kSourceIsAPeer,   // Clients do not talk to each other through a gateway.
  // From clients.
  kUnknownPeer,          // Nobody that we have grants for.
  kOutboundIcmpError,    // Errors of a client's machine mean nothing to resources.
  kNotTunnelSource,      // Not from the client's own address. It is told: prohibited.
  kOtherPeer,            // To another client or gateway. It is told: prohibited.
  kClosedHostPort,       // To a port of the gateway's host that is not DNS. Told: prohibited.
  kNotInternet,          // Rejected by the Internet resource. Told: network unreachable.
  kNoTranslation,        // A proxy address that leads nowhere. Told: network unreachable.
  kUnsupportedProtocol,  // To a proxy address, without ports that could be translated.
  kNatExhausted,         // No port is left towards that address, or no room for another session.
  kUnknownControl,       // A control event that we do not know.
  kCount,
};
inline constexpr size_t kUnroutables = static_cast<size_t>(Unroutable::kCount);

std::string_view name(Unroutable reason) noexcept;

// icmp_answer() is what a client is told about its packet (spec tunnel 6.5): silence made
// applications hang (lesson 520dd0aa31), and "prohibited" makes clients ask for access again.
// nullopt where nothing is said.
std::optional<IcmpError> icmp_answer(Unroutable reason, IpFamily family) noexcept;

// UnroutableCounters counts packets by reason.
class UnroutableCounters {
 public:
  void count(Unroutable reason) noexcept { ++counts_[static_cast<size_t>(reason)]; }
  uint64_t of(Unroutable reason) const noexcept { return counts_[static_cast<size_t>(reason)]; }

 private:
  std::array<uint64_t, kUnroutables> counts_{};
};

}  // namespace connlib::gateway
