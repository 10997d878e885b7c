#pragma once

#include "connlib/packet/ip_packet.h"

namespace connlib::gateway {

// admits_to_host() says what clients may send to the gateway's own tunnel addresses: questions to
// its DNS server on port 53535, over UDP and TCP, and echo requests.
//
// Departs from spec tunnel 5.4 step 3, "any protocol and port", as 12.3 proposes: no resource was
// granted there, and a gateway's host listens on more than it should (ssh, metrics, a database).
bool admits_to_host(const IpPacket& packet) noexcept;

}  // namespace connlib::gateway
