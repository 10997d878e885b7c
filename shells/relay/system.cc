#include "shells/relay/system.h"

#include <algorithm>

#include <fmt/format.h>
#include <ifaddrs.h>
#include <sys/resource.h>

#include "shells/linux/socket_address.h"

namespace connlib::relay {

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
