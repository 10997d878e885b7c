#include "connlib/portal/server/pending_authorizations.h"

#include <catch2/catch.hpp>

#include "tests/support/start_time.h"

namespace connlib::portal::server {
namespace {

using testing::kStart;

const ClientId kAlice("alice");
const ClientId kBob("bob");
const GatewayId kHq("hq");
const GatewayId kLab("lab");
const ResourceId kWiki("wiki");
const ResourceId kGit("git");

PendingAuthorization request(const ClientId& client, const ResourceId& resource,
                             const GatewayId& gateway = kHq) {
  PendingAuthorization out{.client = client, .gateway = gateway, .answer = {}};
  out.answer.resource_id = resource;
  return out;
}

struct World {
  SeededRandom random{7};
  PendingAuthorizations pending{random};

  std::string add(Timestamp now, PendingAuthorization request) {
    return pending.add(now, std::move(request)).value();
  }
};

TEST_CASE("a gateway that is ready ends the wait, once") {
  World world;
  const std::string ref = world.add(kStart, request(kAlice, kWiki));
  const auto taken = world.pending.take(ref, kHq);
  REQUIRE(taken.has_value());
  CHECK(taken->client == kAlice);
  CHECK(taken->resource() == kWiki);
  CHECK_FALSE(world.pending.take(ref, kHq).has_value());
  CHECK(world.pending.poll_timeout().at.is_never());
}

TEST_CASE("only the gateway that was asked can answer") {
  World world;
  const std::string ref = world.add(kStart, request(kAlice, kWiki));
  CHECK_FALSE(world.pending.take(ref, kLab).has_value());
  CHECK_FALSE(world.pending.take("", kHq).has_value());
  CHECK(world.pending.take(ref, kHq).has_value());
}

TEST_CASE("a gateway has 15 seconds") {
  World world;
  const std::string ref = world.add(kStart, request(kAlice, kWiki));
  world.add(kStart + 1s, request(kBob, kWiki));
  CHECK(world.pending.poll_timeout().at == kStart + 15s);
  CHECK(world.pending.take_expired(kStart + 15s - 1ms).empty());
  const auto expired = world.pending.take_expired(kStart + 15s);
  REQUIRE(expired.size() == 1);
  CHECK(expired[0].client == kAlice);
  CHECK_FALSE(world.pending.take(ref, kHq).has_value());  // Too late.
  CHECK(world.pending.poll_timeout().at == kStart + 16s);
}

TEST_CASE("the newest request for a resource wins, and its time starts anew") {
  World world;
  const std::string first = world.add(kStart, request(kAlice, kWiki));
  const std::string second = world.add(kStart + 10s, request(kAlice, kWiki, kLab));
  CHECK(world.pending.size() == 1);
  CHECK_FALSE(world.pending.take(first, kHq).has_value());
  CHECK(world.pending.take_expired(kStart + 24s).empty());
  CHECK(world.pending.take(second, kLab)->gateway == kLab);
}

TEST_CASE("when a gateway or a client leaves, only its requests end") {
  World world;
  world.add(kStart, request(kBob, kWiki));
  world.add(kStart, request(kAlice, kWiki));
  world.add(kStart, request(kAlice, kGit, kLab));
  const auto left = world.pending.take_of_gateway(kHq);
  REQUIRE(left.size() == 2);
  CHECK(left[0].client == kBob);  // Oldest first.
  world.add(kStart, request(kBob, kGit));
  world.pending.forget_client(kAlice);
  CHECK(world.pending.size() == 1);
  CHECK(world.pending.take(kBob, kGit).has_value());
}

TEST_CASE("one client cannot make the portal wait for too many resources") {
  World world;
  for (size_t i = 0; i < kMaxPendingPerClient; ++i) {
    world.add(kStart, request(kAlice, ResourceId(std::to_string(i))));
  }
  CHECK_FALSE(world.pending.add(kStart, request(kAlice, kWiki)).has_value());
  CHECK(world.pending.add(kStart, request(kAlice, ResourceId("0"))).has_value());
  CHECK(world.pending.add(kStart, request(kBob, kWiki)).has_value());
}

}  // namespace
}  // namespace connlib::portal::server
