#include "connlib/policy/condition.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace connlib::policy {
namespace {

const absl::Time kMondayMorning = absl::FromUnixSeconds(1789970400);  // 2026-09-21 06:00 UTC

struct Row {
  const char* what;
  Condition condition;
  Circumstances circumstances;
  bool is_met;
  const char* reason;
};

void check_all(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    INFO(row.what);
    const Finding finding = check(row.condition, row.circumstances, kMondayMorning, Zones());
    CHECK(finding.is_met == row.is_met);
    CHECK(finding.reason == row.reason);
  }
}

IpAddress ip(const char* text) { return IpAddress::parse(text).value(); }
IpPrefix net(const char* text) { return IpPrefix::parse(text).value(); }

TEST_CASE("a source condition looks at the address the client comes from") {
  const SourceCondition office{true, {net("198.51.100.0/24"), net("2001:db8::/32")}};
  const SourceCondition abroad{false, {net("198.51.100.0/24")}};
  check_all({
      {"inside", office, {.source = ip("198.51.100.7")}, true, ""},
      {"inside by IPv6", office, {.source = ip("2001:db8::1")}, true, ""},
      {"inside, in IPv6 clothes", office, {.source = ip("::ffff:198.51.100.7")}, true, ""},
      {"outside",
       office,
       {.source = ip("203.0.113.7")},
       false,
       "source address 203.0.113.7 is in no permitted network"},
      {"not in a refused one", abroad, {.source = ip("203.0.113.7")}, true, ""},
      {"in a refused one, in IPv6 clothes",
       abroad,
       {.source = ip("::ffff:198.51.100.7")},
       false,
       "source address 198.51.100.7 is in a refused network"},
      {"no network at all",
       SourceCondition{true, {}},
       {.source = ip("10.0.0.1")},
       false,
       "source address 10.0.0.1 is in no permitted network"},
  });
}

TEST_CASE("what nobody knows meets no condition, not even a negative one") {
  const RegionCondition home{true, {"DE", "AT"}};
  const RegionCondition not_there{false, {"XX"}};
  const ProviderCondition sso{true, {ProviderId("okta")}};
  const ProviderCondition no_mail{false, {ProviderId("email")}};
  check_all({
      {"in a region", home, {.region = "AT"}, true, ""},
      {"in another", home, {.region = "FR"}, false, "region is not permitted"},
      {"not in a refused one", not_there, {.region = "FR"}, true, ""},
      {"in a refused one", not_there, {.region = "XX"}, false, "region is refused"},
      {"unknown region", home, {}, false, "region is not known"},
      {"unknown region, negative", not_there, {}, false, "region is not known"},
      {"the provider", sso, {.provider = ProviderId("okta")}, true, ""},
      {"another provider",
       sso,
       {.provider = ProviderId("email")},
       false,
       "sign-in provider is not permitted"},
      {"a refused provider",
       no_mail,
       {.provider = ProviderId("email")},
       false,
       "sign-in provider is refused"},
      {"no provider, negative", no_mail, {}, false, "sign-in provider is not known"},
      {"verified", VerifiedCondition{}, {.is_verified = true}, true, ""},
      {"not verified", VerifiedCondition{}, {}, false, "the device is not verified"},
  });
}

TEST_CASE("a time condition says until when it decides what it decides") {
  const auto hours = [](const char* text) {
    return Condition(TimeCondition{WeeklyTimes({DayTimes::parse(text).value()})});
  };
  const Finding open = check(hours("M/06-07/UTC"), {}, kMondayMorning, Zones());
  CHECK(open.is_met);
  CHECK(open.changes_at == kMondayMorning + absl::Hours(1));
  const Finding later = check(hours("M/08:00-17:30/UTC"), {}, kMondayMorning, Zones());
  CHECK_FALSE(later.is_met);
  CHECK(later.changes_at == kMondayMorning + absl::Hours(2));
  CHECK(later.reason == "outside hours until 08:00 UTC");
  CHECK(check(hours("T/9-10/UTC"), {}, kMondayMorning, Zones()).reason ==
        "outside hours until Tue 09:00 UTC");
  CHECK(check(hours("M/true/Atlantis"), {}, kMondayMorning, Zones()).reason ==
        "outside hours, and they never come");
}

}  // namespace
}  // namespace connlib::policy
