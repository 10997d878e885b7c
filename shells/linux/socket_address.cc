#include "shells/linux/socket_address.h"

#include <cstring>

namespace connlib::shells {

socklen_t to_native(const SocketAddress& address, sockaddr_storage& out) {
  if (const auto* four = address.ip.v4()) {
    sockaddr_in native{};
    native.sin_family = AF_INET;
    native.sin_port = htons(address.port);
    std::memcpy(&native.sin_addr, four->bytes.data(), four->bytes.size());
    std::memcpy(&out, &native, sizeof native);
    return sizeof native;
  }
  sockaddr_in6 native{};
  native.sin6_family = AF_INET6;
  native.sin6_port = htons(address.port);
  std::memcpy(&native.sin6_addr, address.ip.v6()->bytes.data(), 16);
  std::memcpy(&out, &native, sizeof native);
  return sizeof native;
}

SocketAddress from_native(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    sockaddr_in native{};
    std::memcpy(&native, &address, sizeof native);
    Ipv4Address ip;
    std::memcpy(ip.bytes.data(), &native.sin_addr, ip.bytes.size());
    return {ip, ntohs(native.sin_port)};
  }
  sockaddr_in6 native{};
  std::memcpy(&native, &address, sizeof native);
  Ipv6Address ip;
  std::memcpy(ip.bytes.data(), &native.sin6_addr, ip.bytes.size());
  return {ip, ntohs(native.sin6_port)};
}

}  // namespace connlib::shells
