#include "tests/interop/ice_agent/interface_addresses.h"

#include <cstring>

#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace connlib::interop {
namespace {

IpAddress to_ip(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    Ipv4Address out;
    std::memcpy(out.bytes.data(), &reinterpret_cast<const sockaddr_in&>(address).sin_addr, 4);
    return out;
  }
  Ipv6Address out;
  std::memcpy(out.bytes.data(), &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, 16);
  return out;
}

}  // namespace

std::vector<IpAddress> interface_addresses() {
  std::vector<IpAddress> out;
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return out;
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr) continue;
    const int family = one->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    const IpAddress address = to_ip(*one->ifa_addr);
    if (!address.is_loopback() && !address.is_link_local()) out.push_back(address);
  }
  freeifaddrs(all);
  return out;
}

}  // namespace connlib::interop
