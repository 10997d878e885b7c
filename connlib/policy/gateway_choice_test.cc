#include "connlib/policy/gateway_choice.h"

#include <cstdlib>
#include <map>

#include <catch2/catch.hpp>

namespace connlib::policy {
namespace {

using Failure = Choice::Failure;

Candidate gateway(const char* id, const char* version) {
  return {GatewayId(id), Version::parse(version)};
}

TEST_CASE("a version is three numbers") {
  const auto [text, is_good] = GENERATE(table<const char*, bool>({
      {"1.5.12", true},
      {"1.5.12-rc.1+build", true},
      {"1.5", false},
      {"1.5.", false},
      {"1.5.x", false},
      {"1.5.1.2", false},
      {"", false},
      {"v1.5.1", false},
      {"1.-5.1", false},
      {"1.99999999999.1", false},
  }));
  CAPTURE(text);
  CHECK(Version::parse(text).has_value() == is_good);
}

TEST_CASE("versions fit when they are one minor apart at most") {
  const auto [client, gateway, fits] = GENERATE(table<const char*, const char*, bool>({
      {"1.5.0", "1.5.9", true},
      {"1.5.0", "1.4.0", true},
      {"1.5.0", "1.6.9", true},
      {"1.5.0", "1.3.9", false},
      {"1.5.0", "1.7.0", false},
      {"1.5.0", "2.5.0", false},
      {"1.0.0", "1.0.0", true},
      {"1.0.0", "1.1.0", true},
      {"?", "1.7.0", true},
      {"?", "?", true},
      {"1.5.0", "?", false},
  }));
  CAPTURE(client, gateway);
  CHECK(are_compatible(Version::parse(client), Version::parse(gateway)) == fits);
}

TEST_CASE("no gateway is something else than none that fits") {
  SeededRandom random(1);
  const ChoiceRequest request{.client = Version::parse("1.5.0")};
  CHECK(choose_gateway({}, request, random).failure == Failure::kOffline);
  const Choice choice = choose_gateway({gateway("a", "1.2.0"), gateway("b", "?")}, request, random);
  CHECK(choice.failure == Failure::kVersionMismatch);
  CHECK(choice.explanation == "none of 2 connected gateways fits version 1.5.0");
}

TEST_CASE("a gateway that the client knows is kept, but only if it fits") {
  SeededRandom random(1);
  ChoiceRequest request{.client = Version::parse("1.5.0"), .preferred = {GatewayId("b")}};
  for (int i = 0; i < 20; ++i) {
    CHECK(choose_gateway({gateway("a", "1.5.0"), gateway("b", "1.5.0")}, request, random).gateway ==
          GatewayId("b"));
    CHECK(choose_gateway({gateway("a", "1.5.0"), gateway("b", "1.2.0")}, request, random).gateway ==
          GatewayId("a"));
  }
}

TEST_CASE("gateways nobody knows have equal chances") {
  SeededRandom random(3);
  std::map<GatewayId, int> taken;
  for (int i = 0; i < 3000; ++i) {
    const Choice choice =
        choose_gateway({gateway("a", "1.5.0"), gateway("b", "1.5.0"), gateway("c", "1.5.0")},
                       {.client = Version::parse("1.5.0"), .preferred = {GatewayId("z")}}, random);
    REQUIRE(choice.failure == Failure::kNone);
    ++taken[choice.gateway];
  }
  REQUIRE(taken.size() == 3);
  for (const auto& [id, times] : taken) CHECK(std::abs(times - 1000) < 150);
}

TEST_CASE("the Internet resource asks for a gateway that knows it") {
  SeededRandom random(1);
  ChoiceRequest request{.client = std::nullopt, .is_internet = true};
  CHECK(choose_gateway({gateway("a", "1.2.9"), gateway("b", "?")}, request, random).failure ==
        Failure::kVersionMismatch);
  CHECK(choose_gateway({gateway("a", "1.2.9"), gateway("b", "1.3.0")}, request, random).gateway ==
        GatewayId("b"));
}

}  // namespace
}  // namespace connlib::policy
