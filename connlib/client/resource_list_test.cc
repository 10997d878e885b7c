#include "connlib/client/resource_list.h"

#include <functional>

#include <catch2/catch.hpp>

namespace connlib::client {
namespace {

using Kind = ResourceChange::Kind;

Resource lab() {
  return {.id = ResourceId("lab"),
          .name = "Lab",
          .address = CidrAddress{IpPrefix::parse("172.20.0.0/16").value()},
          .sites = {{SiteId("hq"), "HQ"}},
          .filters = {{Filter::Protocol::kTcp, 443, 443}, {Filter::Protocol::kIcmp}}};
}
Resource internet(const char* id, const char* site = "hq") {
  return {.id = ResourceId(id),
          .name = "Internet Resource",
          .address = InternetAddress{},
          .sites = {{SiteId(site), "HQ"}}};
}
PoolMember member(const char* id, uint8_t last) {
  return {ClientId(id), Ipv4Address{{100, 64, 0, last}}, {}};
}
StaticDevicePool printers() {
  return {.id = ResourceId("printers"),
          .name = "Printers",
          .members = {member("laser", 8), member("ink", 9)}};
}

TEST_CASE("only what changes routing makes another resource") {
  struct Row {
    const char* what;
    Kind kind;
    std::function<void(Resource&)> change;
  };
  const std::vector<Row> rows = {
      {"nothing", Kind::kUnchanged, [](Resource&) {}},
      {"name", Kind::kRelabelled, [](Resource& r) { r.name = "Laboratory"; }},
      {"description", Kind::kRelabelled, [](Resource& r) { r.address_description = "2nd floor"; }},
      {"order of filters", Kind::kRelabelled,
       [](Resource& r) { std::swap(r.filters[0], r.filters[1]); }},
      {"name of the site", Kind::kRelabelled,
       [](Resource& r) { r.sites[0].name = "Headquarters"; }},
      {"address", Kind::kReplaced,
       [](Resource& r) { r.address = CidrAddress{IpPrefix::parse("10.0.0.0/8").value()}; }},
      {"kind of address", Kind::kReplaced,
       [](Resource& r) { r.address = DnsAddress{"lab.example.com"}; }},
      {"filters", Kind::kReplaced, [](Resource& r) { r.filters.pop_back(); }},
      // Lesson 928d8a2512: a moved resource went on using the gateway of its old site.
      {"site", Kind::kReplaced, [](Resource& r) { r.sites[0].id = SiteId("annex"); }},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    ResourceList list(8);
    REQUIRE(list.upsert(lab()).kind == Kind::kAdded);
    Resource after = lab();
    row.change(after);
    const ResourceChange change = list.upsert(after);
    CHECK(change.kind == row.kind);
    CHECK(*list.find_routed(after.id) == after);
    if (row.kind == Kind::kReplaced) {
      CHECK(change.before == ClientResource(lab()));
      CHECK(change.after == ClientResource(after));
    }
  }
}

TEST_CASE("a changed IP stack makes another resource") {
  ResourceList list(8);
  Resource gitlab = lab();
  gitlab.address = DnsAddress{"gitlab.example.com", IpStack::kDual};
  list.upsert(gitlab);
  gitlab.address = DnsAddress{"gitlab.example.com", IpStack::kIpv4Only};
  CHECK(list.upsert(gitlab).kind == Kind::kReplaced);
}

TEST_CASE("an id that turns from a resource into a pool is another resource") {
  ResourceList list(8);
  list.upsert(lab());
  StaticDevicePool pool = printers();
  pool.id = lab().id;
  CHECK(list.upsert(pool).kind == Kind::kReplaced);
  CHECK(list.find_routed(pool.id) == nullptr);
  CHECK(list.find_pool(pool.id) != nullptr);
}

TEST_CASE("a static pool is edited, never replaced") {
  struct Row {
    const char* what;
    Kind kind;
    std::function<void(StaticDevicePool&)> change;
  };
  const std::vector<Row> rows = {
      {"nothing", Kind::kUnchanged, [](StaticDevicePool&) {}},
      {"name", Kind::kRelabelled, [](StaticDevicePool& p) { p.name = "All printers"; }},
      {"order", Kind::kRelabelled,
       [](StaticDevicePool& p) { std::swap(p.members[0], p.members[1]); }},
      {"member left", Kind::kPoolEdited, [](StaticDevicePool& p) { p.members.pop_back(); }},
      {"new address", Kind::kPoolEdited,
       [](StaticDevicePool& p) { p.members[0].ipv4.bytes[3] = 77; }},
      {"filters", Kind::kPoolEdited,
       [](StaticDevicePool& p) { p.filters = {{Filter::Protocol::kIcmp}}; }},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    ResourceList list(8);
    list.upsert(printers());
    StaticDevicePool after = printers();
    row.change(after);
    CHECK(list.upsert(after).kind == row.kind);
    CHECK(*list.find_pool(after.id) == after);
  }
}

TEST_CASE("a dynamic pool with another pattern is another pool") {
  ResourceList list(8);
  DynamicDevicePool laptops{ResourceId("laptops"), "Laptops", "*.laptops.example.com"};
  list.upsert(laptops);
  laptops.name = "Notebooks";
  CHECK(list.upsert(laptops).kind == Kind::kRelabelled);
  laptops.pattern = "*.notebooks.example.com";
  CHECK(list.upsert(laptops).kind == Kind::kReplaced);
}

TEST_CASE("the list of init removes what it misses first and leaves equals alone") {
  ResourceList list(8);
  list.upsert(lab());
  list.upsert(internet("internet"));
  list.upsert(printers());
  Resource renamed = internet("internet");
  renamed.name = "The Internet";
  Resource fresh = lab();
  fresh.id = ResourceId("a new one");

  const auto changes = list.replace_all({fresh, renamed, lab()});
  REQUIRE(changes.size() == 3);
  CHECK(changes[0].kind == Kind::kRemoved);
  CHECK(changes[0].before == ClientResource(printers()));
  CHECK(changes[1].kind == Kind::kAdded);
  CHECK(changes[2].kind == Kind::kRelabelled);
  CHECK(list.size() == 3);
  CHECK(list.replace_all({}).size() == 3);
  CHECK(list.size() == 0);
}

TEST_CASE("an empty list can be refilled although it was full") {
  ResourceList list(1);
  list.upsert(lab());
  const auto changes = list.replace_all({internet("internet")});
  REQUIRE(changes.size() == 2);
  CHECK(changes[1].kind == Kind::kAdded);
}

TEST_CASE("a full list refuses more and goes on updating what it has") {
  ResourceList list(1);
  list.upsert(lab());
  CHECK(list.upsert(internet("internet")).kind == Kind::kRefused);
  Resource renamed = lab();
  renamed.name = "Laboratory";
  CHECK(list.upsert(renamed).kind == Kind::kRelabelled);
}

TEST_CASE("removing an unknown resource is no event") {
  ResourceList list(8);
  CHECK(list.remove(ResourceId("lab")).kind == Kind::kRefused);
}

TEST_CASE("the Internet resource is active when it is there and wanted, in either order") {
  ResourceList list(8);
  CHECK(list.want_internet(true));
  CHECK_FALSE(list.want_internet(true));
  CHECK(list.active_internet() == nullptr);
  list.upsert(lab());
  list.upsert(internet("internet"));
  REQUIRE(list.active_internet() != nullptr);
  CHECK(list.want_internet(false));
  CHECK(list.active_internet() == nullptr);
}

// The reference switched it off silently (spec tunnel 2.2).
TEST_CASE("an Internet resource that moves to another site stays switched on") {
  ResourceList list(8);
  list.want_internet(true);
  list.upsert(internet("internet"));
  CHECK(list.upsert(internet("internet", "annex")).kind == Kind::kReplaced);
  REQUIRE(list.active_internet() != nullptr);
  list.remove(ResourceId("internet"));
  CHECK(list.active_internet() == nullptr);
  list.upsert(internet("internet"));
  CHECK(list.active_internet() != nullptr);
}

TEST_CASE("of several Internet resources the one with the highest id counts") {
  ResourceList list(8);
  list.want_internet(true);
  for (const char* id : {"b", "c", "a"}) list.upsert(internet(id));
  CHECK(list.active_internet()->id == ResourceId("c"));
}

}  // namespace
}  // namespace connlib::client
