// Names that are resolved again when their TTL has passed.
#include "connlib/gateway/refreshes.h"

#include <catch2/catch.hpp>

#include "connlib/control/control_event.h"
#include "connlib/gateway/lab.h"
#include "tests/support/packets.h"

namespace connlib::gateway {
namespace {

using namespace connlib::gateway::testing;
using namespace connlib::testing;

constexpr const char* kName = "git.example.com";

struct World : Lab {
  LabClient& alice = add_client("alice", 7);

  World() {
    REQUIRE(authorize(alice, dns("wiki", "*.example.com")));
    connect(alice);
    assign();
    resolve(kName, {{address("10.0.0.1")}}, 60s);
    alice.packets.clear();
  }
  void assign() {
    send(alice, control::encode_control_event(
                    control::AssignedIps{ResourceId("wiki"),
                                         kName,
                                         {address("100.96.0.1"), address("100.96.0.2"),
                                          address("100.96.0.3"), address("100.96.0.4")}})
                    .value());
  }
  // Where a packet from this port of alice comes out.
  IpAddress destination_from(uint16_t port) {
    tun.clear();
    send(alice, udp_packet({address("100.64.0.7"), port}, endpoint("100.96.0.1:53")));
    REQUIRE(tun.size() == 1);
    auto parsed = IpPacket::parse(tun[0]);
    return std::get<IpPacket>(parsed).destination();
  }
};

TEST_CASE_METHOD(World, "after its TTL a name in use is resolved again, and leads new flows only") {
  CHECK(destination_from(1000) == address("10.0.0.1"));
  from_tun(udp_packet(endpoint("10.0.0.1:53"), endpoint("100.64.0.7:1000")));
  REQUIRE(alice.packets.size() == 1);  // The session is confirmed, or it would end in a minute.
  alice.packets.clear();
  run_for(58s);
  CHECK(resolutions.empty());
  run_for(2s);
  REQUIRE(resolutions.size() == 1);
  CHECK(destination_from(1001) == address("10.0.0.1"));  // Not interrupted meanwhile.
  resolve(kName, {{address("10.0.0.2")}}, 60s);
  CHECK(destination_from(1000) == address("10.0.0.1"));
  CHECK(destination_from(1001) == address("10.0.0.1"));
  CHECK(destination_from(1002) == address("10.0.0.2"));
  CHECK(alice.packets.empty());  // Nobody asked, so nobody is told.
  run_for(61s);
  CHECK(resolutions.size() == 1);  // And so on.
}

TEST_CASE_METHOD(World, "a name that nothing uses is left alone") {
  run_for(10min);
  CHECK(resolutions.empty());
  destination_from(1000);
  run_for(10min);
  CHECK(resolutions.empty());  // It was due and is forgotten; the next question is a client's.
  assign();
  resolve(kName, {{address("10.0.0.1")}}, 60s);
  destination_from(1001);
  run_for(61s);
  CHECK(resolutions.size() == 1);
}

TEST_CASE_METHOD(World, "a refresh that fails or is lost changes nothing and is tried again") {
  destination_from(1000);
  run_for(61s);
  alice.packets.clear();
  SECTION("failed") { resolve(kName, std::nullopt); }
  SECTION("lost") {
    run_for(kResolutionTimeout);
    resolutions.clear();
  }
  CHECK(alice.packets.empty());  // No "inactive".
  CHECK(destination_from(1001) == address("10.0.0.1"));
  run_for(kRefreshRetry);
  CHECK(resolutions.size() == 1);
}

TEST_CASE_METHOD(World, "a client that asks during a refresh is answered, and once") {
  destination_from(1000);
  run_for(61s);
  REQUIRE(resolutions.size() == 1);
  assign();
  CHECK(resolutions.size() == 1);
  resolve(kName, {{address("10.0.0.2")}}, 60s);
  CHECK(alice.packets.size() == 1);
}

TEST_CASE_METHOD(World, "no owner of a name makes us ask more often than we like") {
  assign();
  resolve(kName, {{address("10.0.0.1")}}, 0s);
  destination_from(1000);
  run_for(kMinRefreshInterval - 2s);
  CHECK(resolutions.empty());
  run_for(3s);
  CHECK(resolutions.size() == 1);
}

TEST_CASE_METHOD(World, "names of a resource that was revoked are not resolved again") {
  REQUIRE(authorize(alice, cidr("lab", "10.0.0.0/8")));
  destination_from(1000);
  tell(portal::RejectAccess{alice.id, ResourceId("wiki")});
  run_for(2min);
  CHECK(resolutions.empty());
}

TEST_CASE("beyond its capacity a name is not refreshed, known ones are") {
  Refreshes refreshes(2);
  const auto waiter = [](const char* domain) {
    return ResolutionWaiter{ClientId("alice"), ResourceId("wiki"), domain, {}};
  };
  refreshes.set("a", waiter("a"), kStart + 3s);
  refreshes.set("b", waiter("b"), kStart + 2s);
  refreshes.set("c", waiter("c"), kStart + 1s);
  refreshes.set("a", waiter("a"), kStart + 1s);
  CHECK(refreshes.size() == 2);
  const auto due = refreshes.take_due(kStart + 2s, [](const auto&) { return true; });
  CHECK(due == std::vector{waiter("a"), waiter("b")});
  CHECK(refreshes.next_at() == kStart + 2s + kRefreshRetry);
}

}  // namespace
}  // namespace connlib::gateway
