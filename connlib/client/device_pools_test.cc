#include "connlib/client/device_pools.h"

#include <catch2/catch.hpp>

namespace connlib::client {
namespace {

using Members = std::vector<PoolMember>;

Ipv6Address six(uint8_t last) {
  Ipv6Address out{{0xfd, 0, 0x20, 0x21, 0x11, 0x11}};
  out.bytes[15] = last;
  return out;
}
PoolMember member(const char* id, uint8_t last) {
  return {ClientId(id), Ipv4Address{{100, 64, 0, last}}, six(last)};
}
StaticDevicePool pool(const char* id, Members members, std::vector<Filter> filters = {}) {
  return {.id = ResourceId(id),
          .name = std::string("Pool ") + id,
          .members = std::move(members),
          .filters = std::move(filters)};
}

TEST_CASE("an edit names who left and who joined, whatever the order of the lists") {
  const PoolEdit edit = pool_edit(pool("p", {member("a", 1), member("b", 2), member("c", 3)}),
                                  pool("p", {member("d", 4), member("c", 3), member("a", 1)}));
  CHECK(edit.left == Members{member("b", 2)});
  CHECK(edit.joined == Members{member("d", 4)});
  CHECK_FALSE(edit.are_filters_changed);
}

TEST_CASE("a member with another address has left and joined") {
  const PoolEdit edit = pool_edit(pool("p", {member("a", 1)}), pool("p", {member("a", 9)}));
  CHECK(edit.left == Members{member("a", 1)});
  CHECK(edit.joined == Members{member("a", 9)});
}

// Lesson 01cd5447d9: edited filters must reach members that are connected.
TEST_CASE("an edit of the filters alone is seen, their order is not") {
  const Filter ssh{Filter::Protocol::kTcp, 22, 22};
  const Filter ping{Filter::Protocol::kIcmp};
  CHECK(pool_edit(pool("p", {}, {ssh}), pool("p", {}, {ssh, ping})).are_filters_changed);
  CHECK(pool_edit(pool("p", {}, {ssh}), pool("p", {}, {})).are_filters_changed);
  CHECK_FALSE(
      pool_edit(pool("p", {}, {ssh, ping}), pool("p", {}, {ping, ssh})).are_filters_changed);
}

TEST_CASE("a member is found by either of its addresses") {
  const StaticDevicePool printers = pool("p", {member("a", 1), member("b", 2)});
  REQUIRE(pool_member_at(printers, Ipv4Address{{100, 64, 0, 2}}) != nullptr);
  CHECK(pool_member_at(printers, Ipv4Address{{100, 64, 0, 2}})->client == ClientId("b"));
  REQUIRE(pool_member_at(printers, six(1)) != nullptr);
  CHECK(pool_member_at(printers, six(1))->client == ClientId("a"));
  CHECK(pool_member_at(printers, Ipv4Address{{100, 64, 0, 3}}) == nullptr);
}

TEST_CASE("the pools of a client are named in order") {
  ResourceList resources(8);
  resources.upsert(pool("z", {member("a", 1)}));
  resources.upsert(pool("b", {member("a", 1), member("b", 2)}));
  resources.upsert(pool("c", {member("b", 2)}));
  resources.upsert(DynamicDevicePool{ResourceId("d"), "Dynamic", "*.example.com"});
  CHECK(pool_names_of(resources, ClientId("a")) == std::vector<std::string>{"Pool b", "Pool z"});
  CHECK(pool_names_of(resources, ClientId("c")).empty());
}

}  // namespace
}  // namespace connlib::client
