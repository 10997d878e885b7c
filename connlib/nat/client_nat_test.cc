#include "connlib/nat/client_nat.h"

#include <string>
#include <variant>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/control/control_event.h"
#include "tests/support/packets.h"
#include "tests/support/start_time.h"

namespace connlib::nat {
namespace {

using testing::address;
using testing::kStart;
using Verdict = ClientNat::Verdict;
using Kind = ClientNat::Event::Kind;

const std::vector<IpAddress> kProxies{address("100.96.0.1"), address("fd00:2021:1111:8000::")};

DomainKey key(const std::string& gateway = "g", const std::string& domain = "a.example",
              const std::string& resource = "r") {
  return {GatewayId(gateway), domain, ResourceId(resource)};
}

// Lab is a client's NAT with what it has said.
struct Lab {
  SeededRandom random{7};
  ClientNat nat{random};

  std::vector<ClientNat::Request> requests() {
    std::vector<ClientNat::Request> out;
    while (auto request = nat.poll_transmit()) out.push_back(*std::move(request));
    return out;
  }
  std::vector<std::pair<Kind, DomainKey>> events() {
    std::vector<std::pair<Kind, DomainKey>> out;
    while (auto event = nat.poll_event()) out.emplace_back(event->kind, event->key);
    return out;
  }
  // Brings `k` where the test wants to begin.
  void confirm(const DomainKey& k = key()) {
    REQUIRE(nat.update(kStart, k, kProxies));
    nat.handle_status(k, true);
    requests();
  }
  void fail(const DomainKey& k = key()) {
    REQUIRE(nat.update(kStart, k, kProxies));
    nat.handle_status(k, false);
    requests();
  }
  void look_up(Timestamp now, const DomainKey& k = key()) {
    nat.recreate(k.domain);
    nat.update(now, k, kProxies);
  }
};

}  // namespace

TEST_CASE(
    "the first use of a name tells the gateway its proxies and holds packets until it answers") {
  Lab lab;
  REQUIRE(lab.nat.update(kStart, key(), kProxies));
  CHECK(lab.nat.handle_outgoing(kStart, key()) == Verdict::kHold);
  const auto requests = lab.requests();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].gateway == GatewayId("g"));
  CHECK(std::get<control::ControlEvent>(control::decode_control_event(requests[0].packet)) ==
        control::ControlEvent(control::AssignedIps{ResourceId("r"), "a.example", kProxies}));
  lab.nat.handle_status(key(), true);
  CHECK(lab.events() == std::vector{std::pair(Kind::kRelease, key())});
  CHECK(lab.nat.handle_outgoing(kStart, key()) == Verdict::kPassUntilChange);
  CHECK(lab.nat.poll_timeout().at.is_never());
}

TEST_CASE(
    "a gateway that cannot resolve a name costs what was held, and later packets earn errors") {
  Lab lab;
  lab.nat.update(kStart, key(), kProxies);
  lab.nat.handle_outgoing(kStart, key());
  lab.nat.handle_status(key(), false);
  CHECK(lab.events() == std::vector{std::pair(Kind::kDiscard, key())});
  CHECK(lab.nat.handle_outgoing(kStart + 1s, key()) == Verdict::kPassUntilChange);
}

TEST_CASE("a failed name is not asked for by packets, only by the next query") {
  Lab lab;
  lab.fail();
  for (int i = 0; i < 10; ++i) {
    CHECK(lab.nat.handle_outgoing(kStart + Duration(10s) * i, key()) == Verdict::kPassUntilChange);
    lab.nat.update(kStart + Duration(10s) * i, key(), kProxies);
  }
  CHECK(lab.requests().empty());
  lab.look_up(kStart + 200s);
  CHECK(lab.requests().size() == 1);
  // Nothing works yet, so packets wait again.
  CHECK(lab.nat.handle_outgoing(kStart + 200s, key()) == Verdict::kHold);
}

TEST_CASE("looking a name up again does not interrupt what works") {
  Lab lab;
  lab.confirm();
  lab.nat.recreate("a.example");
  CHECK(lab.nat.handle_outgoing(kStart + 1s, key()) == Verdict::kPassUntilChange);
  lab.nat.update(kStart + 1s, key(), kProxies);
  CHECK(lab.requests().size() == 1);
  CHECK(lab.nat.handle_outgoing(kStart + 1s, key()) == Verdict::kPass);
  CHECK(lab.nat.poll_timeout().at.is_never());
  lab.nat.handle_status(key(), true);
  CHECK(lab.events().empty());
  CHECK(lab.nat.handle_outgoing(kStart + 2s, key()) == Verdict::kPassUntilChange);
}

TEST_CASE("whoever remembers that packets may pass learns when to ask again") {
  Lab lab;
  lab.confirm();
  const uint64_t confirmed = lab.nat.version();
  CHECK(lab.nat.handle_outgoing(kStart, key()) == Verdict::kPassUntilChange);
  CHECK(lab.nat.version() == confirmed);
  lab.look_up(kStart + 1s);  // The gateway is asked again, and packets remind it.
  CHECK(lab.nat.version() != confirmed);
  CHECK(lab.nat.handle_outgoing(kStart + 1s, key()) == Verdict::kPass);
  const uint64_t asked = lab.nat.version();
  lab.nat.remove_gateway(key().gateway);
  CHECK(lab.nat.version() != asked);
}

TEST_CASE("a query while the gateway is being asked does not lose what waits") {
  Lab lab;
  lab.nat.update(kStart, key(), kProxies);
  lab.nat.handle_outgoing(kStart, key());
  lab.look_up(kStart + 1s);
  lab.nat.handle_status(key(), true);
  CHECK(lab.events() == std::vector{std::pair(Kind::kRelease, key())});
}

TEST_CASE("a lost request is repeated by traffic, at most every two seconds") {
  Lab lab;
  lab.nat.update(kStart, key(), kProxies);
  CHECK(lab.requests().size() == 1);
  for (const Duration at : {Duration(1ms), Duration(1s), Duration(1999ms)}) {
    lab.nat.handle_outgoing(kStart + at, key());
    lab.nat.update(kStart + at, key(), kProxies);
  }
  CHECK(lab.requests().empty());
  lab.nat.handle_outgoing(kStart + 2s, key());
  lab.nat.update(kStart + 2s, key(), kProxies);
  CHECK(lab.requests().size() == 1);
}

TEST_CASE("one datagram that waits is enough to have a lost request repeated, slower and slower") {
  Lab lab;
  lab.nat.update(kStart, key(), kProxies);
  lab.requests();
  CHECK(lab.nat.poll_timeout().at.is_never());
  lab.nat.handle_outgoing(kStart, key());
  Timestamp last = kStart;
  Duration pause{};
  for (int i = 0; i < kMaxTimedRequests; ++i) {
    const Timestamp at = lab.nat.poll_timeout().at;
    REQUIRE_FALSE(at.is_never());
    CHECK(at - last >= kRequestFloor);
    CHECK(at - last <= kLongestRequestRetry * 5 / 4);
    pause = at - last;
    last = at;
    lab.nat.handle_timeout(at);
    CHECK(lab.requests().size() == 1);
    CHECK(lab.nat.poll_timeout().at > at);
  }
  CHECK(pause >= kLongestRequestRetry);
  CHECK(lab.nat.poll_timeout().at.is_never());
  // Traffic still asks.
  lab.nat.handle_outgoing(last + 2s, key());
  CHECK(lab.requests().size() == 1);
}

TEST_CASE("names and resources that overlap are asked for and answered one by one") {
  Lab lab;
  const DomainKey keys[] = {key("g", "a.example", "r"), key("g", "a.example", "s"),
                            key("h", "a.example", "r"), key("g", "b.example", "r")};
  for (const DomainKey& k : keys) lab.nat.update(kStart, k, kProxies);
  CHECK(lab.requests().size() == 4);
  for (const DomainKey& k : keys) lab.nat.handle_outgoing(kStart, k);
  lab.nat.handle_status(keys[1], true);
  CHECK(lab.events() == std::vector{std::pair(Kind::kRelease, keys[1])});
  CHECK(lab.nat.handle_outgoing(kStart, keys[0]) == Verdict::kHold);
  CHECK(lab.nat.handle_outgoing(kStart, keys[1]) == Verdict::kPassUntilChange);
}

TEST_CASE("late and doubled answers change nothing") {
  Lab lab;
  lab.confirm();
  lab.nat.handle_status(key(), false);
  lab.nat.handle_status(key(), true);
  lab.nat.handle_status(key("g", "unknown", "r"), true);
  CHECK(lab.events().empty());
  CHECK(lab.nat.handle_outgoing(kStart, key()) == Verdict::kPassUntilChange);
  lab.look_up(kStart + 1s);
  CHECK(lab.requests().size() == 1);  // Still confirmed, or it would not have been asked anew.
}

TEST_CASE("a lost gateway or a removed resource takes what waits for it along") {
  Lab lab;
  const DomainKey keys[] = {key("g", "a", "r"), key("g", "b", "s"), key("h", "a", "r")};
  for (const DomainKey& k : keys) {
    lab.nat.update(kStart, k, kProxies);
    lab.nat.handle_outgoing(kStart, k);
  }
  lab.nat.remove_gateway(GatewayId("g"));
  CHECK(lab.events() ==
        std::vector{std::pair(Kind::kDiscard, keys[0]), std::pair(Kind::kDiscard, keys[1])});
  const auto requests = lab.requests();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].gateway == GatewayId("h"));
  lab.nat.remove_resource(ResourceId("r"));
  CHECK(lab.events() == std::vector{std::pair(Kind::kDiscard, keys[2])});
  CHECK(lab.nat.size() == 0);
  CHECK(lab.nat.poll_timeout().at.is_never());
}

TEST_CASE("new proxies of a name are told with the next request") {
  Lab lab;
  lab.confirm();
  const std::vector<IpAddress> others{address("100.96.0.9")};
  lab.nat.recreate("a.example");
  lab.nat.update(kStart + 1s, key(), others);
  const auto requests = lab.requests();
  REQUIRE(requests.size() == 1);
  CHECK(std::get<control::ControlEvent>(control::decode_control_event(requests[0].packet)) ==
        control::ControlEvent(control::AssignedIps{ResourceId("r"), "a.example", others}));
}

TEST_CASE("beyond the limit of names packets pass, to be answered with an error") {
  SeededRandom random(1);
  ClientNat nat(random, 1);
  CHECK(nat.update(kStart, key("g", "a", "r"), kProxies));
  CHECK_FALSE(nat.update(kStart, key("g", "b", "r"), kProxies));
  CHECK(nat.handle_outgoing(kStart, key("g", "b", "r")) == Verdict::kPassUntilChange);
  CHECK(nat.update(kStart, key("g", "a", "r"), kProxies));
}

TEST_CASE("queued output asks to be fetched at once") {
  Lab lab;
  lab.nat.update(kStart, key(), kProxies);
  CHECK(lab.nat.poll_timeout().at == kStart);
  lab.requests();
  CHECK(lab.nat.poll_timeout().at.is_never());
}

}  // namespace connlib::nat
