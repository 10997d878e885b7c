#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "connlib/base/ip.h"
#include "connlib/dns/name.h"
#include "connlib/dns/proxy_addresses.h"
#include "connlib/model/ids.h"

namespace connlib::dns {

// Assignment is a name with its proxy addresses and the resources that it belongs to.
struct Assignment {
  // A resource under the pattern that matched. Removing a resource leaves its matches in place: it
  // may come back, and traffic to it finds no route meanwhile (spec tunnel 3.4).
  struct Match {
    std::string pattern;  // As Pattern::text().
    ResourceId resource;
    friend bool operator==(const Match&, const Match&) = default;
  };

  std::string lowered_name;    // Wire form.
  uint32_t first_proxy = 0;    // Number of the first of kProxiesPerFamily.
  std::vector<Match> matches;  // The best first, as of the last query.

  Name name() const;
  IpAddress proxy(IpFamily family, uint32_t i) const {
    return proxy_address(family, first_proxy + i);
  }
};

// AssignmentTable gives names their proxy addresses and never takes them back: operating systems
// and applications remember addresses for longer than we could know. It outlives sessions; hand it
// to the next one. Assignments stay where they are.
class AssignmentTable {
 public:
  // Ours: about 30 MB of names that somebody asked for. Behind it new names get no address.
  static constexpr uint32_t kMaxAssignments = 131'072;
  static_assert(kMaxAssignments * kProxiesPerFamily <= kMaxProxies);

  AssignmentTable() = default;
  AssignmentTable(AssignmentTable&&) = default;
  AssignmentTable& operator=(AssignmentTable&&) = default;

  Assignment* find(const Name& name);
  const Assignment* find(const IpAddress& proxy) const;

  // assign() is the new assignment of `name`, which has none yet; null when the table is full.
  Assignment* assign(const Name& name);

  // In the order in which they were made.
  const std::deque<Assignment>& all() const { return all_; }
  Assignment& at(uint32_t index) { return all_[index]; }
  static uint32_t index_of(const Assignment& a) { return a.first_proxy / kProxiesPerFamily; }

 private:
  std::deque<Assignment> all_;
  // Lookups only. Keys borrow from all_: a deque that moves leaves its elements in place.
  absl::flat_hash_map<absl::string_view, uint32_t> by_name_;
};

}  // namespace connlib::dns
