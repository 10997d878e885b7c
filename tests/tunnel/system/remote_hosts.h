#pragma once

#include <map>
#include <optional>
#include <vector>

#include "connlib/model/ids.h"
#include "connlib/packet/icmp_error.h"

namespace connlib::tunnel {

using Bytes = std::vector<uint8_t>;

// RemoteHosts is everybody behind the gateways: whatever address is asked, somebody is there. UDP
// and echo requests come back with their payload, a SYN with a SYN-ACK; from some addresses comes
// an ICMP error instead.
class RemoteHosts {
 public:
  struct Arrival {
    GatewayId gateway;
    Bytes packet;
  };

  void set_error(const IpAddress& address, std::optional<IcmpError> error);
  std::optional<IcmpError> error_of(const IpAddress& address) const;

  // take() notes a packet that left by `gateway` and gives the answer to it, if it earns one.
  std::optional<Bytes> take(const GatewayId& gateway, Bytes packet);

  // What arrived. Whoever reads it may empty it.
  std::vector<Arrival> arrivals;

 private:
  std::map<IpAddress, IcmpError> errors_;
};

}  // namespace connlib::tunnel
