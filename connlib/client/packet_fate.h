#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace connlib::client {

// Fate is what became of one packet (spec tunnel 6.6). Nothing in here deserves a log line: all of
// it is ordinary traffic, and each has a counter.
enum class Fate : uint8_t {
  kSent,         // Sealed into the caller's run.
  kRunMismatch,  // Nothing yet: the run is full or goes elsewhere. Send it and come again.
  kWaiting,      // Kept for an authorization, a connection, a translation or new keys.
  kAnswered,     // Told: an ICMP error, or the answer to a DNS query, waits in poll_packet().
  kTaken,        // By ourselves: DNS, control.
  kDelivered,    // Inbound: for the TUN.
  // From here on the packet is lost.
  kMalformed,            // No IP packet that we carry.
  kControlFromTun,       // Shaped like one of our control packets.
  kMulticast,            // Groups do not cross the tunnel.
  kNotReady,             // No interface configuration yet.
  kNotTunnelSource,      // Not from one of our tunnel addresses.
  kToSelf,               // To one of our own addresses.
  kUnmappedSentinel,     // To a DNS server of ours that is no more.
  kUnsupportedProtocol,  // Neither TCP, UDP nor echo, nor an error about a known flow.
  kUnknownResource,      // Nobody serves that address.
  kNotConnected,         // The peer is gone, or its path cannot carry the packet.
  kTooLong,              // Beyond the inner MTU.
  kNotAllowedResource,   // Inbound: from a source that the gateway may not use.
  kSpoofed,              // Inbound: a client used addresses that are not its own or ours.
  kUntrackedError,       // Inbound: an ICMP error about no flow of ours.
  kNoAccess,             // Inbound: no grant admits it. The client is told.
  kUnknownPeer,          // Inbound: from a connection that is being forgotten.
  kCount,
};
inline constexpr size_t kFates = static_cast<size_t>(Fate::kCount);

std::string_view name(Fate fate) noexcept;

// FateCounters counts packets of one direction by what became of them.
class FateCounters {
 public:
  Fate count(Fate fate) noexcept {
    ++counts_[static_cast<size_t>(fate)];
    return fate;
  }
  uint64_t of(Fate fate) const noexcept { return counts_[static_cast<size_t>(fate)]; }

 private:
  std::array<uint64_t, kFates> counts_{};
};

}  // namespace connlib::client
