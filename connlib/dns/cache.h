#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/btree_set.h>
#include <absl/container/flat_hash_map.h>

#include "connlib/base/timestamp.h"
#include "connlib/dns/message.h"

namespace connlib::dns {

// Cache remembers what upstream servers said (spec tunnel 3.3): answers for as long as their
// records live, and absences (RFC 2308 §5) for as long as the zone's SOA allows. Expired entries go
// when they are asked for or when room is needed; the cache needs no timer.
class Cache {
 public:
  static constexpr uint32_t kMinTtlSeconds = 5;            // spec tunnel 3.3
  static constexpr uint32_t kMaxTtlSeconds = 86'400;       // Ours; RFC 8767 §4 proposes a week.
  static constexpr uint32_t kMaxNegativeTtlSeconds = 300;  // Ours; RFC 2308 §5: up to three hours.
  static constexpr size_t kMaxEntries = 1024;              // Ours: then the first to expire goes.
  static constexpr size_t kMaxAnswerBytes = 4096;          // Ours: longer ones are not kept.

  // insert() keeps `response` if it may be kept: one question, not truncated, no error but
  // NXDOMAIN, and a TTL of at least kMinTtlSeconds.
  void insert(Timestamp now, const Message& response);

  // find() writes the answer to `query` into `out`: the records with what is left of their TTL, and
  // the id and question of the query. nullopt when there is none, or `out` is too small for it.
  std::optional<std::span<uint8_t>> find(Timestamp now, const Message& query,
                                         std::span<uint8_t> out);

  void clear();
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    Timestamp stored_at;
    Timestamp expires_at;
    std::vector<uint8_t> message;  // Header, question, records; no OPT.
  };
  struct Deadline {
    Timestamp at;
    std::string key;
    friend auto operator<=>(const Deadline&, const Deadline&) = default;
  };

  void erase(const std::string& key);

  absl::flat_hash_map<std::string, Entry> entries_;  // Lookups only.
  absl::btree_set<Deadline> deadlines_;
};

}  // namespace connlib::dns
