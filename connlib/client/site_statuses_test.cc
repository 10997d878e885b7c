#include "connlib/client/site_statuses.h"

#include <vector>

#include <catch2/catch.hpp>

#include "tests/support/start_time.h"

namespace connlib::client {
namespace {

using testing::kStart;

const SiteId kBerlin("berlin");
const SiteId kParis("paris");
const std::vector<Site> kBoth = {{kBerlin, "Berlin"}, {kParis, "Paris"}};

TEST_CASE("a site is unknown until we hear of it, and again when the connection is lost") {
  SiteStatuses sites;
  CHECK(sites.of(kBerlin) == Status::kUnknown);
  sites.handle_connected(kBerlin);
  CHECK(sites.of(kBerlin) == Status::kOnline);
  CHECK(sites.poll_timeout().at.is_never());
  sites.handle_connection_lost(kBerlin);
  CHECK(sites.of(kBerlin) == Status::kUnknown);
  CHECK(sites.size() == 0);
}

// Lessons 478cb698e8, 9edabde2f3: "offline" stuck for ever, later the deadline was there but was
// not reported. Only reported deadlines are used here.
TEST_CASE("an offline site is unknown again after five minutes, at a reported deadline") {
  SiteStatuses sites;
  sites.handle_offline(kBerlin, kStart);
  REQUIRE(sites.poll_timeout().at == kStart + 5min);
  CHECK_FALSE(sites.handle_timeout(kStart + 5min - 1ns));
  CHECK(sites.of(kBerlin) == Status::kOffline);
  CHECK(sites.handle_timeout(sites.poll_timeout().at));
  CHECK(sites.of(kBerlin) == Status::kUnknown);
  CHECK(sites.poll_timeout().at.is_never());
}

TEST_CASE("the last thing heard of a site counts") {
  SiteStatuses sites;
  sites.handle_offline(kBerlin, kStart);
  sites.handle_connected(kBerlin);
  CHECK(sites.of(kBerlin) == Status::kOnline);
  CHECK_FALSE(sites.handle_timeout(kStart + 10min));
  CHECK(sites.of(kBerlin) == Status::kOnline);
  sites.handle_offline(kBerlin, kStart + 10min);
  sites.handle_offline(kBerlin, kStart + 14min);
  CHECK_FALSE(sites.handle_timeout(kStart + 15min));
  CHECK(sites.handle_timeout(kStart + 19min));
}

TEST_CASE("a resource is online with one site and offline only with all") {
  using S = Status;
  const auto [berlin, paris, both] = GENERATE(table<S, S, S>({
      {S::kUnknown, S::kUnknown, S::kUnknown},
      {S::kOnline, S::kUnknown, S::kOnline},
      {S::kOnline, S::kOffline, S::kOnline},
      {S::kOffline, S::kOnline, S::kOnline},
      {S::kOffline, S::kUnknown, S::kUnknown},
      {S::kOffline, S::kOffline, S::kOffline},
  }));
  SiteStatuses sites;
  const auto tell = [&](const SiteId& site, Status status) {
    if (status == S::kOnline) sites.handle_connected(site);
    if (status == S::kOffline) sites.handle_offline(site, kStart);
  };
  tell(kBerlin, berlin);
  tell(kParis, paris);
  CAPTURE(to_text(berlin), to_text(paris));
  CHECK(sites.of(kBoth) == both);
}

TEST_CASE("a resource without sites is unknown") {
  const SiteStatuses sites;
  CHECK(sites.of(std::vector<Site>{}) == Status::kUnknown);
}

}  // namespace
}  // namespace connlib::client
