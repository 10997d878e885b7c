#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "connlib/base/ip.h"
#include "connlib/dns/upstream.h"

namespace connlib::dns {

// SentinelMap chooses the upstream servers and gives each an address inside the tunnel, which the
// operating system is told to use as its DNS server (spec tunnel 3.1).
//
// Portal Do53 servers go before portal DoH servers before the system's: one list is in effect at a
// time. Sentinels in a list are dropped, or we would resolve through ourselves; so are repetitions.
// When the set of servers changes, all sentinels change, and none is one of the set before: caches
// and long-lived sockets of the operating system then notice. A mere reorder moves none.
class SentinelMap {
 public:
  static constexpr size_t kMaxServers = 32;  // Ours: more are ignored, first come first served.

  struct Mapping {
    IpAddress sentinel;
    Upstream upstream;
    friend bool operator==(const Mapping&, const Mapping&) = default;
  };
  // What an update did.
  enum class Change : uint8_t { kNone, kReordered, kRenumbered };

  Change set_system(std::span<const IpAddress> servers);
  Change set_portal(std::span<const IpAddress> do53, std::span<const std::string> doh_urls);

  // In the order of preference; empty when there is no server at all.
  const std::vector<Mapping>& mappings() const { return mappings_; }
  UpstreamOrigin origin() const { return origin_; }

  // Null for an address that is not mapped.
  const Upstream* find(const IpAddress& sentinel) const;

 private:
  Change update();
  void renumber(std::span<const Upstream> servers);

  std::vector<Upstream> system_;
  std::vector<Upstream> do53_;
  std::vector<Upstream> doh_;
  std::vector<Mapping> mappings_;
  UpstreamOrigin origin_ = UpstreamOrigin::kSystem;
};

}  // namespace connlib::dns
