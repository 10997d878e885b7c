#include "shells/relay/system.h"

#include <algorithm>

#include <absl/cleanup/cleanup.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <linux/in6.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shells/linux/socket_address.h"

namespace connlib::relay {
namespace {

// A root name server: an address behind everybody's default route.
const IpAddress kFar4 = *IpAddress::parse("198.41.0.4");
const IpAddress kFar6 = *IpAddress::parse("2001:503:ba3e::2:30");

}  // namespace

std::vector<IpAddress> interface_addresses() {
  std::vector<IpAddress> out;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return out;
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr) continue;
    sockaddr_storage address{};
    if (one->ifa_addr->sa_family == AF_INET) {
      *reinterpret_cast<sockaddr_in*>(&address) =
          *reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
    } else if (one->ifa_addr->sa_family == AF_INET6) {
      *reinterpret_cast<sockaddr_in6*>(&address) =
          *reinterpret_cast<const sockaddr_in6*>(one->ifa_addr);
    } else {
      continue;
    }
    out.push_back(shells::from_native(address).ip);
  }
  freeifaddrs(list);
  return out;
}

std::optional<IpAddress> default_source(IpFamily family) {
  const int fd = socket(family == IpFamily::kV4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::nullopt;
  const absl::Cleanup closes = [fd] { close(fd); };
  // Not one that changes every day (RFC 8981).
  const int preference = IPV6_PREFER_SRC_PUBLIC;
  if (family == IpFamily::kV6) {
    setsockopt(fd, IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, &preference, sizeof preference);
  }
  sockaddr_storage native{};
  const auto far = SocketAddress{family == IpFamily::kV4 ? kFar4 : kFar6, 53};
  socklen_t length = shells::to_native(far, native);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&native), length) != 0) return std::nullopt;
  length = sizeof native;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&native), &length) != 0) return std::nullopt;
  return shells::from_native(native).ip;
}

absl::Status raise_file_limit(uint64_t files) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return absl::InternalError("reading RLIMIT_NOFILE");
  if (limit.rlim_cur >= files) return absl::OkStatus();
  const rlimit wanted{files, std::max<rlim_t>(limit.rlim_max, files)};
  if (setrlimit(RLIMIT_NOFILE, &wanted) == 0) return absl::OkStatus();
  return absl::ResourceExhaustedError(fmt::format(
      "the limit of open files is {} and cannot be raised to the {} that this many allocations "
      "need: raise it (ulimit -n, LimitNOFILE=) or give a smaller --max-allocations or port range",
      static_cast<uint64_t>(limit.rlim_max), files));
}

}  // namespace connlib::relay
