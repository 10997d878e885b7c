#include "connlib/gateway/access.h"

#include <algorithm>
#include <map>
#include <variant>

#include "connlib/gateway/internet_ranges.h"
#include "connlib/model/addressing.h"

namespace connlib::gateway {
namespace {

// The first grant that permits `protocol`; null when none does.
template <typename Candidates>
const Grant* first_permitting(const Candidates& grants,
                              const ClassifiedProtocol& protocol) noexcept {
  for (const Grant* grant : grants) {
    if (grant->filter.permits(protocol)) return grant;
  }
  return nullptr;
}

}  // namespace

void Access::rebuild() {
  internet_ = nullptr;
  table_.clear();
  networks_.clear();

  // Larger networks come before those inside them, so that each finds its parent in the table.
  // Grants come by ascending id.
  std::map<std::pair<uint8_t, IpPrefix>, std::vector<const Grant*>> by_length;
  for (const auto& [id, grant] : grants_.all()) {
    if (const auto* cidr = std::get_if<CidrAddress>(&grant.resource.address)) {
      by_length[{cidr->network.length(), cidr->network}].push_back(&grant);
    } else if (std::holds_alternative<InternetAddress>(grant.resource.address)) {
      internet_ = &grant;
    }
  }
  for (auto& [key, grants] : by_length) {
    const IpPrefix& prefix = key.second;
    std::reverse(grants.begin(), grants.end());
    const uint32_t* parent = table_.find(prefix.address());
    networks_.push_back({std::move(grants), parent == nullptr ? kNone : *parent});
    table_.insert(prefix, static_cast<uint32_t>(networks_.size() - 1));
  }
  for (auto& [address, proxy] : proxies_) link(proxy);
}

bool Access::assign(const IpAddress& address, const dns::Name& domain, const ResourceId& resource) {
  const dns::Name lowered = domain.lowered();
  auto known = proxies_.find(address);
  if (known == proxies_.end()) {
    if (proxies_.size() >= max_proxies_) return false;
    known = proxies_.emplace(address, Proxy{lowered, {}, {}}).first;
  }
  Proxy& proxy = known->second;
  if (!(proxy.domain == lowered)) proxy = Proxy{lowered, {}, {}};
  if (std::find(proxy.resources.begin(), proxy.resources.end(), resource) ==
      proxy.resources.end()) {
    // What is not granted any more makes room, so that the list is no longer than the grants.
    if (proxy.resources.size() > proxy.grants.size()) {
      proxy.resources.clear();
      for (const Grant* grant : proxy.grants) proxy.resources.push_back(grant->resource.id);
    }
    proxy.resources.push_back(resource);
  }
  link(proxy);
  return true;
}

void Access::link(Proxy& proxy) const {
  proxy.grants.clear();
  for (const ResourceId& id : proxy.resources) {
    const Grant* grant = grants_.find(id);
    if (grant == nullptr || !grant->pattern.has_value()) continue;
    if (grant->pattern->matches_lowered(proxy.domain)) proxy.grants.push_back(grant);
  }
  std::sort(proxy.grants.begin(), proxy.grants.end(), [](const Grant* a, const Grant* b) {
    const auto order = *a->pattern <=> *b->pattern;
    return order != 0 ? order < 0 : b->resource.id < a->resource.id;
  });
}

Access::Verdict Access::find(const IpAddress& address,
                             const ClassifiedProtocol& protocol) const noexcept {
  if (kProxyRange.contains(address)) return find_proxy(address, protocol);
  if (internet_ == nullptr) return find_network(address, protocol);
  if (!is_internet(address)) return {Decision::kNotInternet, nullptr, nullptr};
  if (!internet_->filter.permits(protocol)) return {};
  return {Decision::kAllowed, internet_, nullptr};
}

Access::Verdict Access::find_proxy(const IpAddress& address,
                                   const ClassifiedProtocol& protocol) const noexcept {
  const auto proxy = proxies_.find(address);
  if (proxy == proxies_.end()) return {};
  const Grant* grant = first_permitting(proxy->second.grants, protocol);
  if (grant == nullptr) return {};
  return {Decision::kAllowed, grant, &proxy->second.domain};
}

Access::Verdict Access::find_network(const IpAddress& address,
                                     const ClassifiedProtocol& protocol) const noexcept {
  const uint32_t* longest = table_.find(address);
  for (uint32_t i = longest == nullptr ? kNone : *longest; i != kNone; i = networks_[i].parent) {
    if (const Grant* grant = first_permitting(networks_[i].grants, protocol)) {
      return {Decision::kAllowed, grant, nullptr};
    }
  }
  return {};
}

}  // namespace connlib::gateway
