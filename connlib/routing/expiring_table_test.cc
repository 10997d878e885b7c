#include "connlib/routing/expiring_table.h"

#include <algorithm>
#include <map>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/base/random_source.h"
#include "tests/support/start_time.h"

namespace connlib::routing {
namespace {

using testing::kStart;

struct Item {
  Timestamp end{};
  int value = 0;
  Timestamp expires_at() const { return end; }
};
using Table = ExpiringTable<int, Item>;

std::vector<int> expire(Table& table, Timestamp now) {
  std::vector<int> out;
  while (const auto slot = table.take_expired(now)) {
    out.push_back(table.key_at(*slot));
    table.erase(*slot);
  }
  return out;
}

}  // namespace

TEST_CASE("an entry that was extended in silence expires at its later end") {
  Table table(10, 1s, kStart);
  const auto slot = table.insert(1, {kStart + 10s});
  table.at(slot).end = kStart + 30s;
  CHECK(expire(table, kStart + 10s).empty());
  CHECK(table.next_at() == kStart + 30s);
  CHECK(expire(table, kStart + 30s) == std::vector<int>{1});
  CHECK_FALSE(table.find(1).has_value());
  CHECK(table.next_at().is_never());
}

TEST_CASE("an entry whose end moved closer expires then, once the table was told") {
  Table table(10, 1s, kStart);
  const auto slot = table.insert(1, {kStart + 1000s});
  table.at(slot).end = kStart + 5s;
  table.sooner(slot);
  CHECK(table.next_at() == kStart + 5s);
  CHECK(expire(table, kStart + 5s) == std::vector<int>{1});
}

TEST_CASE("the place of an erased entry is used again") {
  Table table(10, 1s, kStart);
  const auto first = table.insert(1, {kStart + 10s, 11});
  table.erase(first);
  CHECK(table.size() == 0);
  const auto second = table.insert(2, {kStart + 20s, 22});
  CHECK(second == first);
  CHECK(table.at(second).value == 22);
  CHECK(expire(table, kStart + 15s).empty());
}

TEST_CASE("of a full table the entry gives way that would expire first") {
  Table table(3, 1s, kStart);
  const auto idle = table.insert(1, {kStart + 10s});
  table.insert(2, {kStart + 20s});
  table.insert(3, {kStart + 7440s});
  CHECK(table.is_full());
  CHECK(table.key_at(table.victim()) == 1);
  table.at(idle).end = kStart + 100s;  // It was busy all the while.
  CHECK(table.key_at(table.victim()) == 2);
}

TEST_CASE("clearing leaves nothing to expire") {
  Table table(3, 1s, kStart);
  table.insert(1, {kStart + 10s});
  table.insert(2, {kStart + 20s});
  table.clear();
  CHECK(table.size() == 0);
  CHECK(expire(table, kStart + 100s).empty());
  table.insert(1, {kStart + 200s});
  CHECK(table.find(1).has_value());
}

TEST_CASE("an expiring table agrees with a map that is searched as a whole") {
  const auto seed = GENERATE(range(1, 6));
  CAPTURE(seed);
  SeededRandom random(static_cast<uint64_t>(seed));
  Table table(50, 1s, kStart);
  std::map<int, Timestamp> model;
  Timestamp now = kStart;
  for (int step = 0; step < 5000; ++step) {
    const auto key = static_cast<int>(random.below(80));
    const Timestamp end = now + Duration(1s) * static_cast<int64_t>(1 + random.below(300));
    const auto slot = table.find(key);
    REQUIRE(slot.has_value() == model.contains(key));
    switch (random.below(4)) {
      case 0:
        if (slot) {
          table.erase(*slot);
          model.erase(key);
        }
        break;
      case 1: {
        now += Duration(1s) * static_cast<int64_t>(random.below(20));
        std::vector<int> gone = expire(table, now);
        std::sort(gone.begin(), gone.end());
        std::vector<int> expected;
        for (const auto& [k, at] : model) {
          if (at <= now) expected.push_back(k);
        }
        std::erase_if(model, [&](const auto& entry) { return entry.second <= now; });
        REQUIRE(gone == expected);
        REQUIRE(table.next_at() > now);
        break;
      }
      default:
        if (slot) {
          Item& item = table.at(*slot);
          const bool is_sooner = end < item.end;
          item.end = end;
          if (is_sooner) table.sooner(*slot);
          model[key] = end;
        } else if (!table.is_full()) {
          table.insert(key, {end});
          model[key] = end;
        }
    }
    REQUIRE(table.size() == model.size());
  }
}

}  // namespace connlib::routing
