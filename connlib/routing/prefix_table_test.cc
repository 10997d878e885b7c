#include "connlib/routing/prefix_table.h"

#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/base/random_source.h"
#include "connlib/base/strong.h"

namespace connlib::routing {
namespace {

using Owner = Strong<struct OwnerTag, uint32_t>;

IpPrefix prefix(std::string_view text) { return IpPrefix::parse(text).value(); }
IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }

std::optional<uint32_t> owner(const PrefixTable<Owner>& table, std::string_view text) {
  const Owner* found = table.find(address(text));
  return found == nullptr ? std::nullopt : std::optional(found->value());
}

std::vector<std::string> networks(const PrefixTable<Owner>& table, uint32_t of) {
  std::vector<std::string> out;
  table.for_each_of(Owner(of), [&](const IpPrefix& p) { out.push_back(to_text(p)); });
  return out;
}

// SlowTable is the obvious model: all networks in a map, the longest match by trying each.
class SlowTable {
 public:
  void insert(const IpPrefix& p, Owner o) { all_[p] = o; }
  bool remove(const IpPrefix& p) { return all_.erase(p) > 0; }
  size_t remove_all(Owner o) {
    return std::erase_if(all_, [&](const auto& entry) { return entry.second == o; });
  }
  std::optional<Owner> find(const IpAddress& a) const {
    std::optional<Owner> best;
    int longest = -1;
    for (const auto& [p, o] : all_) {
      if (p.contains(a) && p.length() > longest) {
        longest = p.length();
        best = o;
      }
    }
    return best;
  }
  size_t count_of(Owner o) const {
    size_t n = 0;
    for (const auto& [p, who] : all_) n += who == o ? size_t{1} : 0;
    return n;
  }
  size_t size() const { return all_.size(); }
  const std::map<IpPrefix, Owner>& all() const { return all_; }

 private:
  std::map<IpPrefix, Owner> all_;
};

// Addresses from a small space, so that networks nest and collide.
IpAddress random_address(SeededRandom& random) {
  if (random.below(2) == 0) {
    Ipv4Address v4{{10, 0, 0, 0}};
    for (size_t i = 1; i < 4; ++i) v4.bytes[i] = static_cast<uint8_t>(random.below(4) * 85);
    return v4;
  }
  Ipv6Address v6{{0xfd}};
  for (const size_t i : {size_t{1}, size_t{7}, size_t{8}, size_t{15}}) {
    v6.bytes[i] = static_cast<uint8_t>(random.below(4) * 85);
  }
  return v6;
}

IpPrefix random_prefix(SeededRandom& random) {
  const IpAddress a = random_address(random);
  return IpPrefix::of(a, static_cast<uint8_t>(random.below(a.is_v4() ? 33 : 129))).value();
}

}  // namespace

TEST_CASE("the longest network that contains an address wins") {
  PrefixTable<Owner> table;
  table.insert(prefix("0.0.0.0/0"), Owner(1));
  table.insert(prefix("10.0.0.0/8"), Owner(2));
  table.insert(prefix("10.1.0.0/16"), Owner(3));
  table.insert(prefix("10.1.2.3/32"), Owner(4));
  table.insert(prefix("fd00::/8"), Owner(5));
  table.insert(prefix("fd00::1/128"), Owner(6));

  struct Row {
    const char* what;
    const char* address;
    std::optional<uint32_t> owner;
  };
  const auto row = GENERATE(values<Row>({
      {"default route", "192.0.2.1", 1},
      {"class A", "10.2.0.1", 2},
      {"nested", "10.1.2.4", 3},
      {"host route", "10.1.2.3", 4},
      {"v6 network", "fd12::1", 5},
      {"v6 host", "fd00::1", 6},
      {"v6 without a default route", "2001:db8::1", std::nullopt},
      {"v4-mapped v6 is not v4", "::ffff:10.1.2.3", std::nullopt},
  }));
  CAPTURE(row.what);
  CHECK(owner(table, row.address) == row.owner);
}

TEST_CASE("all networks around an address are visited, shortest first") {
  PrefixTable<Owner> table;
  for (const char* text :
       {"10.1.2.3/32", "10.0.0.0/8", "10.1.0.0/16", "10.1.3.0/24", "0.0.0.0/0"}) {
    table.insert(prefix(text), Owner(static_cast<uint32_t>(table.size())));
  }
  std::vector<std::pair<int, uint32_t>> visited;
  table.for_each_containing(address("10.1.2.3"), [&](uint8_t length, Owner o) {
    visited.emplace_back(length, o.value());
  });
  CHECK(visited == std::vector<std::pair<int, uint32_t>>{{0, 4}, {8, 1}, {16, 2}, {32, 0}});
  table.for_each_containing(address("::1"), [](uint8_t, Owner) { FAIL("nothing there"); });
}

TEST_CASE("an exact lookup ignores networks around it") {
  PrefixTable<Owner> table;
  table.insert(prefix("10.0.0.0/24"), Owner(1));
  table.insert(prefix("10.0.1.0/24"), Owner(2));
  REQUIRE(table.find_exact(prefix("10.0.1.0/24")) != nullptr);
  CHECK(*table.find_exact(prefix("10.0.1.0/24")) == Owner(2));
  CHECK(table.find_exact(prefix("10.0.0.0/23")) == nullptr);  // Only a fork.
  CHECK(table.find_exact(prefix("10.0.0.0/25")) == nullptr);
  CHECK(table.find_exact(prefix("fd00::/8")) == nullptr);
}

TEST_CASE("an empty prefix table finds nothing") {
  const PrefixTable<Owner> table;
  CHECK(table.find(address("10.0.0.1")) == nullptr);
  CHECK(table.find(address("::")) == nullptr);
  CHECK(networks(table, 1).empty());
}

TEST_CASE("a network inserted for another value changes hands") {
  PrefixTable<Owner> table;
  table.insert(prefix("10.0.0.0/24"), Owner(1));
  table.insert(prefix("10.0.1.0/24"), Owner(1));
  table.insert(prefix("10.0.0.0/24"), Owner(2));
  CHECK(owner(table, "10.0.0.9") == 2);
  CHECK(networks(table, 1) == std::vector<std::string>{"10.0.1.0/24"});
  CHECK(networks(table, 2) == std::vector<std::string>{"10.0.0.0/24"});
  CHECK(table.size() == 2);
}

TEST_CASE("networks of a value are listed in the order of insertion") {
  PrefixTable<Owner> table;
  for (const char* text : {"fd00::/64", "10.0.0.0/8", "192.0.2.1/32", "10.0.0.0/8"}) {
    table.insert(prefix(text), Owner(7));
  }
  CHECK(networks(table, 7) == std::vector<std::string>{"fd00::/64", "10.0.0.0/8", "192.0.2.1/32"});
}

TEST_CASE("removing a value's networks uncovers the shorter ones below") {
  PrefixTable<Owner> table;
  table.insert(prefix("10.0.0.0/8"), Owner(1));
  table.insert(prefix("10.1.0.0/16"), Owner(2));
  table.insert(prefix("fd00::1/128"), Owner(2));
  CHECK(table.remove_all(Owner(2)) == 2);
  CHECK(table.remove_all(Owner(2)) == 0);
  CHECK(owner(table, "10.1.0.1") == 1);
  CHECK(owner(table, "fd00::1") == std::nullopt);
}

TEST_CASE("removing a network that is only a fork or was never there changes nothing") {
  PrefixTable<Owner> table;
  table.insert(prefix("10.0.0.0/24"), Owner(1));
  table.insert(prefix("10.0.1.0/24"), Owner(1));
  CHECK_FALSE(table.remove(prefix("10.0.0.0/23")));
  CHECK_FALSE(table.remove(prefix("10.0.0.0/25")));
  CHECK_FALSE(table.remove(prefix("fd00::/64")));
  CHECK(table.size() == 2);
}

TEST_CASE("a full prefix table refuses new networks and still moves old ones") {
  PrefixTable<Owner> table(2);
  CHECK(table.insert(prefix("10.0.0.0/24"), Owner(1)));
  CHECK(table.insert(prefix("10.0.1.0/24"), Owner(1)));
  CHECK_FALSE(table.insert(prefix("10.0.2.0/24"), Owner(1)));
  CHECK(table.insert(prefix("10.0.0.0/24"), Owner(2)));
  CHECK(table.remove(prefix("10.0.1.0/24")));
  CHECK(table.insert(prefix("10.0.2.0/24"), Owner(1)));
}

TEST_CASE("clearing a prefix table returns all its nodes") {
  PrefixTable<Owner> table;
  table.insert(prefix("10.0.0.0/24"), Owner(1));
  table.insert(prefix("10.0.1.0/24"), Owner(1));
  table.clear();
  CHECK(table.empty());
  CHECK(table.node_count() == 0);
  CHECK(table.find(address("10.0.0.1")) == nullptr);
}

TEST_CASE("the prefix table agrees with the slow model on random input") {
  const auto seed = GENERATE(range(1, 9));
  CAPTURE(seed);
  SeededRandom random(static_cast<uint64_t>(seed));
  PrefixTable<Owner> table;
  SlowTable model;
  for (int step = 0; step < 4000; ++step) {
    const IpPrefix p = random_prefix(random);
    const Owner o(static_cast<uint32_t>(random.below(8)));
    const uint64_t action = random.below(100);
    if (action < 55) {
      REQUIRE(table.insert(p, o));
      model.insert(p, o);
    } else if (action < 98) {
      const bool was_there = model.remove(p);
      REQUIRE(table.remove(p) == was_there);
    } else {
      const size_t removed = model.remove_all(o);
      REQUIRE(table.remove_all(o) == removed);
    }
    const IpAddress a = random_address(random);
    const Owner* found = table.find(a);
    const std::optional<Owner> expected = model.find(a);
    REQUIRE((found == nullptr ? std::nullopt : std::optional(*found)) == expected);
    REQUIRE(table.size() == model.size());
    REQUIRE(table.node_count() <= 2 * table.size());
    REQUIRE(networks(table, o.value()).size() == model.count_of(o));
  }
  std::map<IpPrefix, Owner> listed;
  for (uint32_t o = 0; o < 8; ++o) {
    table.for_each_of(Owner(o), [&](const IpPrefix& p) { listed[p] = Owner(o); });
  }
  CHECK(listed == model.all());
}

}  // namespace connlib::routing
