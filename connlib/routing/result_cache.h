#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <absl/hash/hash.h>

namespace connlib::routing {

// ResultCache remembers the results of `kEntries` lookups. Four ways per set: a new result takes
// the place of the one of its set that was least recently used. clear() costs nothing: entries of
// an older generation do not count. Allocates once, when made.
//
// `Key` and `Value` are small values; `Key` is hashable. Hashes only choose the set, so what find()
// gives is right or null whatever they are.
template <typename Key, typename Value, size_t kEntries = 1024>
class ResultCache {
 public:
  ResultCache() : sets_(kSets) {}

  void clear() { ++generation_; }

  // The pointer is good until the next call.
  const Value* find(const Key& key) {
    for (Entry& entry : set_of(key)) {
      if (entry.generation != generation_ || !(entry.key == key)) continue;
      entry.used = ++clock_;
      return &entry.value;
    }
    return nullptr;
  }

  void insert(const Key& key, const Value& value) {
    Set& set = set_of(key);
    Entry* oldest = &set[0];
    for (Entry& entry : set) {
      if (age_of(entry) < age_of(*oldest)) oldest = &entry;
    }
    *oldest = {key, value, generation_, ++clock_};
  }

 private:
  static constexpr size_t kWays = 4;
  static constexpr size_t kSets = kEntries / kWays;
  static_assert(kEntries % kWays == 0 && (kSets & (kSets - 1)) == 0);

  struct Entry {
    Key key{};
    Value value{};
    uint64_t generation = 0;
    uint64_t used = 0;
  };
  using Set = std::array<Entry, kWays>;

  Set& set_of(const Key& key) { return sets_[absl::Hash<Key>{}(key) % kSets]; }
  uint64_t age_of(const Entry& entry) const noexcept {
    return entry.generation == generation_ ? entry.used : 0;
  }

  uint64_t generation_ = 1;
  uint64_t clock_ = 0;
  std::vector<Set> sets_;
};

}  // namespace connlib::routing
