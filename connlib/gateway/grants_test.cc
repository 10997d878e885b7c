#include "connlib/gateway/grants.h"

#include <catch2/catch.hpp>

#include "tests/support/start_time.h"

namespace connlib::gateway {
namespace {

using testing::kStart;

constexpr Filter kHttps{Filter::Protocol::kTcp, 443, 443};
const ResourceId kLab("lab");
const ResourceId kWiki("wiki");

Grant lab(Timestamp expires_at = Timestamp::never(), std::vector<Filter> filters = {}) {
  return {.resource = {.id = kLab,
                       .name = "Lab",
                       .address = CidrAddress{IpPrefix::parse("172.20.0.0/16").value()},
                       .filters = std::move(filters)},
          .expires_at = expires_at};
}
Grant wiki(Timestamp expires_at = Timestamp::never()) {
  return {.resource = {.id = kWiki, .name = "Wiki", .address = DnsAddress{"wiki.example.com"}},
          .expires_at = expires_at};
}

TEST_CASE("a grant ends when its time comes, and not earlier") {
  Grants grants(8);
  grants.add(lab(kStart + 1h));
  grants.add(wiki(kStart + 2h));
  CHECK(grants.next_expiry() == kStart + 1h);
  CHECK(grants.expire(kStart + 1h - 1ns).empty());
  CHECK(grants.expire(kStart + 1h) == std::vector{kLab});
  CHECK(grants.find(kLab) == nullptr);
  CHECK(grants.find(kWiki) != nullptr);
  CHECK(grants.next_expiry() == kStart + 2h);
  CHECK(grants.expire(kStart + 30h) == std::vector{kWiki});
  CHECK(grants.next_expiry().is_never());
  CHECK(grants.empty());
}

TEST_CASE("everything that expired while the machine slept goes at once") {
  Grants grants(8);
  grants.add(wiki(kStart + 2h));
  grants.add(lab(kStart + 1h));
  CHECK(grants.expire(kStart + 48h) == std::vector{kLab, kWiki});
}

TEST_CASE("a grant that was over before it came goes with the next timeout") {
  Grants grants(8);
  grants.add(lab(kStart));
  CHECK(grants.next_expiry() <= kStart);
  CHECK(grants.expire(kStart) == std::vector{kLab});
}

TEST_CASE("a grant without an end wakes nobody") {
  Grants grants(8);
  grants.add(lab());
  CHECK(grants.next_expiry().is_never());
  CHECK(grants.expire(kStart + 24h * 36'500).empty());
}

TEST_CASE("authorizing again refreshes filters and expiry") {
  Grants grants(8);
  grants.add(lab(kStart + 1h));
  CHECK(grants.add(lab(kStart + 5h, {kHttps})) == Grants::Added::kRefreshed);
  CHECK(grants.next_expiry() == kStart + 5h);
  CHECK(grants.find(kLab)->resource.filters == std::vector{kHttps});
  CHECK(grants.size() == 1);
  // Shortening counts just as well.
  CHECK(grants.add(lab(kStart + 1min)) == Grants::Added::kRefreshed);
  CHECK(grants.next_expiry() == kStart + 1min);
}

TEST_CASE("a grant that leads elsewhere under the same id replaces the old one") {
  Grants grants(8);
  grants.add(lab());
  Grant moved = lab();
  const CidrAddress elsewhere{IpPrefix::parse("172.21.0.0/16").value()};
  moved.resource.address = elsewhere;
  CHECK(grants.add(std::move(moved)) == Grants::Added::kReplaced);
  CHECK(grants.find(kLab)->resource.address == ResourceAddress(elsewhere));
}

TEST_CASE("filters of a granted resource change in place, its address does not") {
  Grants grants(8);
  grants.add(lab(kStart + 1h));
  CHECK(grants.update_filters(lab({}, {kHttps}).resource) == Grants::Updated::kUpdated);
  CHECK(grants.find(kLab)->resource.filters == std::vector{kHttps});
  CHECK(grants.next_expiry() == kStart + 1h);

  Resource other = wiki().resource;
  CHECK(grants.update_filters(other) == Grants::Updated::kUnknown);
  other.id = kLab;
  CHECK(grants.update_filters(other) == Grants::Updated::kOtherAddress);
  CHECK(std::holds_alternative<CidrAddress>(grants.find(kLab)->resource.address));
  CHECK(grants.find(kLab)->resource.filters == std::vector{kHttps});
}

TEST_CASE("what the portal does not list is gone, and listed grants take its expiry") {
  Grants grants(8);
  grants.add(lab());
  grants.add(wiki(kStart + 1h));
  const auto removed = grants.retain({{kWiki, kStart + 9h}, {ResourceId("never seen"), kStart}});
  CHECK(removed == std::vector{kLab});
  CHECK(grants.size() == 1);
  CHECK(grants.next_expiry() == kStart + 9h);
}

TEST_CASE("an empty list revokes everything") {
  Grants grants(8);
  grants.add(lab());
  grants.add(wiki());
  CHECK(grants.retain({}).size() == 2);
  CHECK(grants.empty());
}

TEST_CASE("a revoked grant takes its deadline along") {
  Grants grants(8);
  grants.add(lab(kStart + 1h));
  CHECK(grants.remove(kLab));
  CHECK_FALSE(grants.remove(kLab));
  CHECK(grants.next_expiry().is_never());
}

TEST_CASE("a full list refuses new grants and still refreshes old ones") {
  Grants grants(1);
  CHECK(grants.add(lab()) == Grants::Added::kNew);
  CHECK(grants.add(wiki(kStart)) == Grants::Added::kFull);
  CHECK(grants.find(kWiki) == nullptr);
  CHECK(grants.next_expiry().is_never());
  CHECK(grants.add(lab(kStart + 1h)) == Grants::Added::kRefreshed);
}

}  // namespace
}  // namespace connlib::gateway
