#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "connlib/dns/name.h"
#include "connlib/dns/pattern.h"

namespace connlib::dns {

// PatternIndex finds the patterns that match a name without trying them all: patterns lie in
// buckets by their fixed suffix, and a name has few suffixes. A lookup costs one hash per label of
// the name, plus the patterns that share a suffix with it.
//
// `Value` is what a pattern stands for; of equal patterns the greater value comes first, which is
// the spec's "higher resource id" (tunnel 2.3, 3.4).
template <typename Value>
class PatternIndex {
 public:
  struct Entry {
    Pattern pattern;
    Value value;
    // The best match first.
    friend bool operator<(const Entry& a, const Entry& b) {
      if (const auto order = a.pattern <=> b.pattern; order != 0) return order < 0;
      return b.value < a.value;
    }
  };

  // add() has no effect when exactly this entry is there.
  void add(Pattern pattern, Value value) {
    auto& bucket = buckets_[std::string(pattern.fixed_suffix())];
    Entry entry{std::move(pattern), std::move(value)};
    const auto at = std::lower_bound(bucket.begin(), bucket.end(), entry);
    if (at != bucket.end() && !(entry < *at)) return;
    bucket.insert(at, std::move(entry));
    ++size_;
  }

  void remove(const Pattern& pattern, const Value& value) {
    const auto bucket = buckets_.find(std::string(pattern.fixed_suffix()));
    if (bucket == buckets_.end()) return;
    size_ -= std::erase_if(bucket->second, [&](const Entry& entry) {
      return entry.pattern == pattern && entry.value == value;
    });
    if (bucket->second.empty()) buckets_.erase(bucket);
  }

  // for_each_match() calls `visit(entry)` for every pattern that matches, in no special order.
  template <typename Visit>
  void for_each_match(const Name& name, Visit visit) const {
    if (size_ == 0) return;
    const Name lowered = name.lowered();
    std::string_view suffix = lowered.wire_text();
    for (;;) {
      const auto bucket = buckets_.find(absl::string_view(suffix.data(), suffix.size()));
      if (bucket != buckets_.end()) {
        for (const Entry& entry : bucket->second) {
          if (entry.pattern.matches_lowered(lowered)) visit(entry);
        }
      }
      if (suffix.front() == 0) return;
      suffix.remove_prefix(size_t{1} + static_cast<uint8_t>(suffix.front()));
    }
  }

  // best() is the most specific match; null when there is none. Borrows until the next change.
  const Entry* best(const Name& name) const {
    const Entry* found = nullptr;
    for_each_match(name, [&](const Entry& entry) {
      if (found == nullptr || entry < *found) found = &entry;
    });
    return found;
  }

  size_t size() const { return size_; }

 private:
  absl::flat_hash_map<std::string, std::vector<Entry>> buckets_;  // By fixed suffix; lookups only.
  size_t size_ = 0;
};

}  // namespace connlib::dns
