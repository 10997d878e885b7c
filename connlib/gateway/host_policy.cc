#include "connlib/gateway/host_policy.h"

#include "connlib/model/addressing.h"

namespace connlib::gateway {

bool admits_to_host(const IpPacket& packet) noexcept {
  if (const auto udp = packet.udp()) return udp->destination_port() == kGatewayDnsPort;
  if (const auto tcp = packet.tcp()) return tcp->destination_port() == kGatewayDnsPort;
  if (const auto icmp = packet.icmp()) return icmp->is_echo_request();
  return false;
}

}  // namespace connlib::gateway
