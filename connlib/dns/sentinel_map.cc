#include "connlib/dns/sentinel_map.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "connlib/base/check.h"
#include "connlib/dns/proxy_addresses.h"
#include "connlib/model/addressing.h"

namespace connlib::dns {
namespace {

// A set and the one after it must both fit.
static_assert(2 * SentinelMap::kMaxServers <= kSentinelsPerFamily);

// In order, each once.
void add_once(std::vector<Upstream>& list, Upstream server) {
  if (list.size() == SentinelMap::kMaxServers) return;
  if (std::find(list.begin(), list.end(), server) == list.end()) list.push_back(std::move(server));
}

std::vector<Upstream> do53_servers(std::span<const IpAddress> servers) {
  std::vector<Upstream> out;
  for (const IpAddress& server : servers) {
    if (!kSentinelRange.contains(server)) add_once(out, Do53Server{server});
  }
  return out;
}

// A DoH server has no family; its sentinel is of IPv4 (spec tunnel 1).
IpFamily sentinel_family(const Upstream& upstream) {
  const auto* do53 = std::get_if<Do53Server>(&upstream);
  return do53 == nullptr ? IpFamily::kV4 : do53->ip.family();
}

}  // namespace

SentinelMap::Change SentinelMap::set_system(std::span<const IpAddress> servers) {
  system_ = do53_servers(servers);
  return update();
}

SentinelMap::Change SentinelMap::set_portal(std::span<const IpAddress> do53,
                                            std::span<const std::string> doh_urls) {
  do53_ = do53_servers(do53);
  doh_.clear();
  for (const std::string& url : doh_urls) add_once(doh_, DohServer{url});
  return update();
}

SentinelMap::Change SentinelMap::update() {
  origin_ = !do53_.empty()  ? UpstreamOrigin::kPortalDo53
            : !doh_.empty() ? UpstreamOrigin::kPortalDoh
                            : UpstreamOrigin::kSystem;
  const std::array lists{&do53_, &doh_, &system_};
  const auto& servers = *lists[static_cast<size_t>(origin_)];

  std::vector<Mapping> reordered;
  for (const Upstream& server : servers) {
    const auto same = std::find_if(mappings_.begin(), mappings_.end(),
                                   [&](const Mapping& m) { return m.upstream == server; });
    if (same != mappings_.end()) reordered.push_back(*same);
  }
  if (reordered.size() != servers.size() || mappings_.size() != servers.size()) {
    renumber(servers);
    return Change::kRenumbered;
  }
  if (reordered == mappings_) return Change::kNone;
  mappings_ = std::move(reordered);
  return Change::kReordered;
}

void SentinelMap::renumber(std::span<const Upstream> servers) {
  const auto before = std::exchange(mappings_, {});
  std::array<uint32_t, 2> next{};  // By family.
  for (const Upstream& server : servers) {
    const IpFamily family = sentinel_family(server);
    IpAddress sentinel;
    do {
      sentinel = sentinel_address(family, next[static_cast<size_t>(family)]++);
    } while (std::any_of(before.begin(), before.end(),
                         [&](const Mapping& m) { return m.sentinel == sentinel; }));
    mappings_.push_back({sentinel, server});
  }
}

const Upstream* SentinelMap::find(const IpAddress& sentinel) const {
  const auto it = std::find_if(mappings_.begin(), mappings_.end(),
                               [&](const Mapping& m) { return m.sentinel == sentinel; });
  return it == mappings_.end() ? nullptr : &it->upstream;
}

}  // namespace connlib::dns
