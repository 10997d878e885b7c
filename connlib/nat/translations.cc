#include "connlib/nat/translations.h"

#include <algorithm>

#include "connlib/model/addressing.h"

namespace connlib::nat {
namespace {

// The addresses of one family in order, each once.
std::vector<IpAddress> of_family(std::span<const IpAddress> all, IpFamily family) {
  std::vector<IpAddress> out;
  for (const IpAddress& ip : all) {
    if (ip.family() == family && std::find(out.begin(), out.end(), ip) == out.end()) {
      out.push_back(ip);
    }
  }
  return out;
}

}  // namespace

bool is_resolvable(const IpAddress& address) {
  const IpAddress ip = address.unmapped();
  if (ip.family() != address.family()) return false;  // IPv4 in disguise.
  if (ip.is_unspecified() || ip.is_loopback() || ip.is_multicast() || ip.is_link_local()) {
    return false;
  }
  // 0.0.0.0/8 is "this host", 240.0.0.0/4 is reserved and holds the broadcast address (RFC 6890).
  if (const Ipv4Address* v4 = ip.v4(); v4 && (v4->bytes[0] == 0 || v4->bytes[0] >= 240)) {
    return false;
  }
  return !kPeerRange.contains(ip) && !kProxyRange.contains(ip) && !kSentinelRange.contains(ip);
}

bool Translations::has_other_domain(std::string_view domain,
                                    std::span<const IpAddress> proxies) const {
  return std::any_of(proxies.begin(), proxies.end(), [&](const IpAddress& proxy) {
    const auto found = by_proxy_.find(proxy);
    return found != by_proxy_.end() && found->second.domain != domain;
  });
}

bool Translations::install(std::string_view domain, std::span<const IpAddress> proxies,
                           std::span<const IpAddress> resolved) {
  std::vector<IpAddress> usable(resolved.begin(), resolved.end());
  std::erase_if(usable, [](const IpAddress& ip) { return !is_resolvable(ip); });
  size_t fresh = 0;
  for (const IpFamily family : {IpFamily::kV4, IpFamily::kV6}) {
    for (const IpAddress& ip : of_family(proxies, family))
      fresh += by_proxy_.contains(ip) ? size_t{0} : size_t{1};
  }
  if (by_proxy_.size() + fresh > max_proxies_) return false;

  for (const IpFamily family : {IpFamily::kV4, IpFamily::kV6}) {
    std::vector<IpAddress> ours = of_family(proxies, family);
    std::sort(ours.begin(), ours.end());
    const std::vector<IpAddress> real = of_family(usable, family);
    for (size_t i = 0; i < ours.size(); ++i) {
      Translation& translation = by_proxy_[ours[i]];
      translation.domain = domain;
      translation.real = real.empty() ? std::nullopt : std::optional(real[i % real.size()]);
    }
  }
  return true;
}

std::string_view Translations::domain_of(const IpAddress& proxy) const {
  const auto found = by_proxy_.find(proxy);
  return found == by_proxy_.end() ? std::string_view() : found->second.domain;
}

}  // namespace connlib::nat
