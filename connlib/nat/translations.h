#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "connlib/base/ip.h"

namespace connlib::nat {

// is_resolvable() says whether a name may lead to `address`. Whoever controls a name could point it
// at the gateway itself, at other clients, or at what only the gateway's own link should see; none
// of it is a resource.
bool is_resolvable(const IpAddress& address);

// Translations is where one client's proxy addresses lead (spec tunnel 5.1): new sessions, that is.
class Translations {
 public:
  static constexpr size_t kMaxProxies = 65'536;  // Ours, per client: more than 8000 names.

  explicit Translations(size_t max_proxies = kMaxProxies) : max_proxies_(max_proxies) {}

  // has_other_domain() is whether one of `proxies` stands for another name already: the client has
  // started anew and numbered its names differently (lesson 03ac73ac00).
  bool has_other_domain(std::string_view domain, std::span<const IpAddress> proxies) const;

  // install() lets `proxies` lead to `resolved`, per family and in order, round robin: with fewer
  // addresses than proxies each proxy still leads somewhere, with more the surplus is unused. A
  // family without addresses leads nowhere. `domain` is compared byte for byte. False, and nothing
  // changed, when there are too many proxies.
  bool install(std::string_view domain, std::span<const IpAddress> proxies,
               std::span<const IpAddress> resolved);

  // find() is the real address behind a proxy; nullopt when it leads nowhere.
  std::optional<IpAddress> find(const IpAddress& proxy) const {
    const auto found = by_proxy_.find(proxy);
    return found == by_proxy_.end() ? std::nullopt : found->second.real;
  }

  // domain_of() is the name that a proxy stands for, empty for none. Borrows until a change.
  std::string_view domain_of(const IpAddress& proxy) const;

  void clear() { by_proxy_.clear(); }
  size_t size() const { return by_proxy_.size(); }

 private:
  struct Translation {
    std::string domain;
    std::optional<IpAddress> real;
  };

  size_t max_proxies_;
  absl::flat_hash_map<IpAddress, Translation> by_proxy_;  // Lookups only.
};

}  // namespace connlib::nat
