#include "connlib/client/inbound_access.h"

#include <catch2/catch.hpp>

#include "tests/support/start_time.h"

namespace connlib::client {
namespace {

using testing::kStart;
using P = Filter::Protocol;

const ResourceId kPrinters("printers");
const ResourceId kLaptops("laptops");
const Filter kSsh{P::kTcp, 22, 22};
const Filter kDns{P::kUdp, 53, 53};

struct Access : InboundAccess {
  Access() : InboundAccess(4) {}
};

TEST_CASE("without a grant nothing is admitted") {
  const Access access;
  CHECK_FALSE(access.admits(kStart, P::kTcp, 22));
  CHECK_FALSE(access.admits(kStart, P::kIcmp, 0));
  CHECK_FALSE(access.admits(kStart, std::nullopt, 0));
}

TEST_CASE("the filters of all grants are united") {
  Access access;
  access.grant(kPrinters, {kSsh}, Timestamp::never());
  access.grant(kLaptops, {kDns}, Timestamp::never());
  CHECK(access.admits(kStart, P::kTcp, 22));
  CHECK(access.admits(kStart, P::kUdp, 53));
  CHECK_FALSE(access.admits(kStart, P::kTcp, 53));
  CHECK_FALSE(access.admits(kStart, P::kIcmp, 0));
  CHECK_FALSE(access.admits(kStart, std::nullopt, 0));
}

TEST_CASE("one grant without filters admits everything") {
  Access access;
  access.grant(kPrinters, {kSsh}, Timestamp::never());
  access.grant(kLaptops, {}, Timestamp::never());
  CHECK(access.admits(kStart, std::nullopt, 0));
  access.revoke(kLaptops);
  CHECK_FALSE(access.admits(kStart, std::nullopt, 0));
}

// Lesson eeac79e228: grants of device pools did not expire on clients.
TEST_CASE("a grant ends at its time, also before anybody removed it") {
  Access access;
  access.grant(kPrinters, {}, kStart + 1h);
  CHECK(access.next_expiry() == kStart + 1h);
  CHECK(access.admits(kStart + 1h - 1ns, P::kTcp, 1));
  CHECK_FALSE(access.admits(kStart + 1h, P::kTcp, 1));
  access.expire(kStart + 1h);
  CHECK(access.size() == 0);
  CHECK(access.next_expiry().is_never());
}

TEST_CASE("the list of init ends what it misses and moves the ends of the rest") {
  Access access;
  access.grant(kPrinters, {kSsh}, kStart + 1h);
  access.grant(kLaptops, {kDns}, kStart + 1h);
  access.retain({{kPrinters, kStart + 2h}, {ResourceId("unknown"), kStart + 2h}});
  CHECK(access.size() == 1);
  CHECK(access.next_expiry() == kStart + 2h);
  CHECK(access.admits(kStart, P::kTcp, 22));
}

TEST_CASE("new filters replace the old ones of a grant that exists") {
  Access access;
  access.update_filters(kPrinters, {});
  CHECK(access.size() == 0);
  access.grant(kPrinters, {kSsh}, Timestamp::never());
  access.update_filters(kPrinters, {kDns});
  CHECK_FALSE(access.admits(kStart, P::kTcp, 22));
  CHECK(access.admits(kStart, P::kUdp, 53));
}

TEST_CASE("a full table refuses more and renews what it has") {
  Access access;
  for (const char* id : {"a", "b", "c", "d"}) CHECK(access.grant(ResourceId(id), {}, kStart + 1h));
  CHECK_FALSE(access.grant(ResourceId("e"), {}, Timestamp::never()));
  CHECK(access.grant(ResourceId("a"), {kSsh}, kStart + 2h));
}

}  // namespace
}  // namespace connlib::client
