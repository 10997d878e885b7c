#include "connlib/client/known_gateways.h"

#include <initializer_list>

#include <catch2/catch.hpp>

namespace connlib::client {
namespace {

std::vector<GatewayId> ids(std::initializer_list<const char*> names) {
  std::vector<GatewayId> out;
  for (const char* name : names) out.emplace_back(name);
  return out;
}
bool nobody(const GatewayId&) { return false; }

// Lessons bb3c7552d1, 577cf72bb5: neither one request per site nor one gateway per site, but a
// preference that leaves the choice to the portal.
TEST_CASE("the previous gateway comes first, connected ones next, the rest by id") {
  KnownGateways known(8);
  for (const char* name : {"d", "b", "c", "a", "e"}) known.learn(GatewayId(name));
  const auto connected = [](const GatewayId& id) { return id.value() == "e" || id.value() == "b"; };
  const GatewayId previous("c");

  CHECK(known.preference(&previous, connected) == ids({"c", "b", "e", "a", "d"}));
  CHECK(known.preference(nullptr, connected) == ids({"b", "e", "a", "c", "d"}));
  CHECK(known.preference(nullptr, nobody) == ids({"a", "b", "c", "d", "e"}));
}

TEST_CASE("a previous gateway that is also connected is named once") {
  KnownGateways known(8);
  known.learn(GatewayId("a"));
  const GatewayId previous("a");
  CHECK(known.preference(&previous, [](const GatewayId&) { return true; }) == ids({"a"}));
}

TEST_CASE("nobody is preferred before the portal named a gateway") {
  const KnownGateways known(8);
  const GatewayId forgotten("a");
  CHECK(known.preference(&forgotten, nobody).empty());
}

TEST_CASE("the gateway that was not named for longest is forgotten first") {
  KnownGateways known(2);
  known.learn(GatewayId("a"));
  known.learn(GatewayId("b"));
  known.learn(GatewayId("a"));
  known.learn(GatewayId("c"));
  CHECK(known.preference(nullptr, nobody) == ids({"a", "c"}));
  CHECK_FALSE(known.knows(GatewayId("b")));
}

}  // namespace
}  // namespace connlib::client
