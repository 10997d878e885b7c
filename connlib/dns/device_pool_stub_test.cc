#include "connlib/dns/device_pool_stub.h"

#include <catch2/catch.hpp>

#include "tests/support/packets.h"
#include "tests/support/start_time.h"

namespace connlib::dns {
namespace {

using connlib::testing::address;
using connlib::testing::kStart;
using Stub = DevicePoolStub;

const ResourceId kPool{"pool"};
const Ipv4Address kV4{{100, 64, 0, 9}};
const Ipv6Address kV6{{0xfd, 0, 0x20, 0x21, 0x11, 0x11}};

Question ask(const std::string& name, RecordType type = RecordType::kA) {
  return {*Name::parse(name), type, RecordClass::kIn};
}
Stub pool() {
  Stub stub;
  REQUIRE(stub.add(kPool, "*.laptops.example.com"));
  return stub;
}
bool waits(const Stub::Decision& decision) {
  return std::holds_alternative<Stub::Waiting>(decision);
}
const Stub::Answer& answer(const Stub::Decision& decision) {
  return std::get<Stub::Answer>(decision);
}

TEST_CASE("a pool's name is asked of the portal once, for both families and every asker") {
  Stub stub = pool();
  CHECK(waits(stub.handle_query(kStart, ask("A.laptops.example.com"), QueryId(1))));
  CHECK(waits(
      stub.handle_query(kStart, ask("a.laptops.example.com", RecordType::kAaaa), QueryId(2))));
  CHECK(waits(stub.handle_query(kStart, ask("a.Laptops.example.com"), QueryId(3))));
  CHECK(stub.poll_timeout().at == kStart);
  const auto request = stub.poll_request();
  CHECK(request == Stub::Request{kPool, "a.laptops.example.com"});
  CHECK_FALSE(stub.poll_request().has_value());

  stub.handle_resolved(kStart + 1s, *request, kV4, kV6);
  for (const uint64_t id : {1u, 2u, 3u}) {
    const auto resolved = stub.poll_answer();
    REQUIRE(resolved.has_value());
    CHECK(resolved->query == QueryId(id));
    CHECK(resolved->answer.address == (id == 2 ? IpAddress(kV6) : IpAddress(kV4)));
  }
  CHECK_FALSE(stub.poll_answer().has_value());
  const auto again = stub.handle_query(kStart + 2s, ask("a.laptops.example.com"), QueryId(4));
  CHECK(answer(again).address == IpAddress(kV4));
}

TEST_CASE("other names and types need no portal") {
  Stub stub = pool();
  CHECK(std::holds_alternative<Stub::NotOurs>(stub.handle_query(kStart, ask("a.b"), QueryId(1))));
  const auto txt =
      stub.handle_query(kStart, ask("a.laptops.example.com", RecordType::kTxt), QueryId(2));
  CHECK(answer(txt).code == ResponseCode::kNoError);
  CHECK_FALSE(answer(txt).address.has_value());
  CHECK_FALSE(stub.poll_request().has_value());
}

TEST_CASE("a device without an address of the family is an empty answer") {
  Stub stub = pool();
  stub.handle_query(kStart, ask("a.laptops.example.com", RecordType::kAaaa), QueryId(1));
  stub.handle_resolved(kStart, *stub.poll_request(), kV4, std::nullopt);
  const auto resolved = stub.poll_answer();
  CHECK(resolved->answer.code == ResponseCode::kNoError);
  CHECK_FALSE(resolved->answer.address.has_value());
}

TEST_CASE("failures: not found is NXDOMAIN, the rest SERVFAIL, and none is remembered") {
  const auto [failure, code] = GENERATE(
      table<Stub::Failure, ResponseCode>({{Stub::Failure::kNotFound, ResponseCode::kNameError},
                                          {Stub::Failure::kOther, ResponseCode::kServerFailure}}));
  Stub stub = pool();
  stub.handle_query(kStart, ask("a.laptops.example.com"), QueryId(1));
  stub.handle_failed(*stub.poll_request(), failure);
  CHECK(stub.poll_answer()->answer.code == code);
  CHECK(waits(stub.handle_query(kStart, ask("a.laptops.example.com"), QueryId(2))));
}

TEST_CASE("a silent portal costs five seconds, then SERVFAIL") {
  Stub stub = pool();
  stub.handle_query(kStart, ask("a.laptops.example.com"), QueryId(1));
  const auto request = stub.poll_request();
  REQUIRE(stub.poll_timeout().at == kStart + 5s);
  stub.handle_timeout(kStart + 5s - 1ns);
  CHECK_FALSE(stub.poll_answer().has_value());
  stub.handle_timeout(kStart + 5s);
  CHECK(stub.poll_answer()->answer.code == ResponseCode::kServerFailure);
  CHECK(stub.poll_timeout().at.is_never());
  stub.handle_resolved(kStart + 6s, *request, kV4, kV6);  // Too late: nobody waits.
  CHECK_FALSE(stub.poll_answer().has_value());
}

TEST_CASE("results expire") {
  Stub stub = pool();
  stub.handle_query(kStart, ask("a.laptops.example.com"), QueryId(1));
  stub.handle_resolved(kStart, *stub.poll_request(), kV4, kV6);
  stub.poll_answer();
  REQUIRE(stub.poll_timeout().at == kStart + Stub::kResultLifetime);
  CHECK(waits(
      stub.handle_query(kStart + Stub::kResultLifetime, ask("a.laptops.example.com"), QueryId(2))));
  stub.poll_request();
  stub.handle_timeout(kStart + Stub::kResultLifetime);
  CHECK(stub.poll_timeout().at == kStart + Stub::kResultLifetime + 5s);
}

TEST_CASE("a pool that goes, or changes its pattern, answers its waiters and forgets its results") {
  Stub stub = pool();
  stub.handle_query(kStart, ask("a.laptops.example.com"), QueryId(1));
  stub.handle_resolved(kStart, *stub.poll_request(), kV4, kV6);
  stub.poll_answer();
  stub.handle_query(kStart, ask("b.laptops.example.com"), QueryId(2));
  const bool changes = GENERATE(true, false);
  if (changes) {
    REQUIRE(stub.add(kPool, "a.laptops.example.com"));
  } else {
    stub.remove(kPool);
  }
  CHECK(stub.poll_answer()->answer.code == ResponseCode::kServerFailure);
  CHECK_FALSE(stub.poll_request().has_value());
  const auto after = stub.handle_query(kStart, ask("a.laptops.example.com"), QueryId(3));
  CHECK(waits(after) == changes);
}

TEST_CASE("adding a pool again as it was keeps its results") {
  Stub stub = pool();
  stub.handle_query(kStart, ask("a.laptops.example.com"), QueryId(1));
  stub.handle_resolved(kStart, *stub.poll_request(), kV4, kV6);
  stub.add(kPool, "*.Laptops.example.com");
  CHECK_FALSE(waits(stub.handle_query(kStart, ask("a.laptops.example.com"), QueryId(2))));
}

TEST_CASE("floods of names and of askers meet their limits with SERVFAIL") {
  Stub stub = pool();
  for (size_t i = 0; i < Stub::kMaxPending; ++i) {
    REQUIRE(waits(
        stub.handle_query(kStart, ask(std::to_string(i) + ".laptops.example.com"), QueryId(i))));
  }
  CHECK(answer(stub.handle_query(kStart, ask("x.laptops.example.com"), QueryId(0))).code ==
        ResponseCode::kServerFailure);
  for (size_t i = 1; i < Stub::kMaxWaiters; ++i) {
    REQUIRE(waits(stub.handle_query(kStart, ask("0.laptops.example.com"), QueryId(i))));
  }
  CHECK(answer(stub.handle_query(kStart, ask("0.laptops.example.com"), QueryId(0))).code ==
        ResponseCode::kServerFailure);
  stub.handle_timeout(kStart + 5s);
  size_t answers = 0;
  while (stub.poll_answer()) ++answers;
  CHECK(answers == Stub::kMaxPending + Stub::kMaxWaiters - 1);
}

}  // namespace
}  // namespace connlib::dns
