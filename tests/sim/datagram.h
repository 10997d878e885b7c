#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "connlib/base/ecn.h"
#include "connlib/base/ip.h"

namespace connlib::sim {

// Datagram is one UDP datagram on the virtual wire. For the machine that sends it `source` is its
// local socket, for the one that receives it `destination` is.
struct Datagram {
  SocketAddress source;
  SocketAddress destination;
  std::vector<uint8_t> bytes;
  Ecn ecn = Ecn::kNotEct;
};

// Bytes on the wire with IP and UDP headers: what an MTU is compared with.
constexpr size_t wire_bytes(IpFamily family, size_t payload_bytes) {
  return payload_bytes + 8 + (family == IpFamily::kV4 ? 20 : 40);
}

// DropReason is why a datagram ended before a machine saw it.
enum class DropReason : uint8_t {
  kLost,            // A link's loss.
  kCut,             // A link or route that is cut.
  kTooBig,          // Longer than a link's MTU; nobody is told.
  kUnroutable,      // No such address where it was looked for.
  kNoSuchSource,    // The sending host does not have the source address (it moved).
  kNoMapping,       // A NAT has no mapping for the port.
  kFiltered,        // A NAT's filter or a firewall has not seen the way out.
  kNatTableFull,    // A NAT or firewall is at its limit.
  kHairpinRefused,  // Inside to inside by the outer address.
  kUdpBlocked,      // The site lets no UDP through.
  kHostAsleep,
  kNoSocket,  // No machine holds the port.
  kCount,
};

std::string_view reason_name(DropReason reason);

// describe() is "10.1.0.2:5000>203.0.113.1:3478 20B #1a2b3c4d": addresses, size and a digest of the
// payload, so that equal texts mean equal datagrams.
std::string describe(const Datagram& datagram);

}  // namespace connlib::sim
