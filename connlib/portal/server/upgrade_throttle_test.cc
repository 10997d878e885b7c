#include "connlib/portal/server/upgrade_throttle.h"

#include <catch2/catch.hpp>

#include "tests/support/start_time.h"

namespace connlib::portal::server {
namespace {

using testing::kStart;

const IpAddress kHome = *IpAddress::parse("198.51.100.7");
const IpAddress kOffice = *IpAddress::parse("198.51.100.8");

TEST_CASE("one token may knock once a second from one address") {
  UpgradeThrottle throttle;
  const SecretText token("one");
  CHECK(throttle.admit(kStart, kHome, token));
  CHECK_FALSE(throttle.admit(kStart, kHome, token));
  CHECK(throttle.admit(kStart, kOffice, token));
  CHECK(throttle.admit(kStart, kHome, SecretText("two")));
  CHECK_FALSE(throttle.admit(kStart + 999ms, kHome, token));
  CHECK(throttle.admit(kStart + 1s, kHome, token));
  CHECK_FALSE(throttle.admit(kStart + 1999ms, kHome, token));  // Counted from the admitted one.
}

TEST_CASE("a flood of tokens is refused beyond the limit and forgotten after a second") {
  UpgradeThrottle throttle;
  for (size_t i = 0; i < kMaxThrottledUpgrades; ++i) {
    if (!throttle.admit(kStart, kHome, SecretText(std::to_string(i)))) FAIL(i);
  }
  CHECK_FALSE(throttle.admit(kStart, kHome, SecretText("another")));
  CHECK(throttle.admit(kStart + 1s, kHome, SecretText("another")));
}

}  // namespace
}  // namespace connlib::portal::server
