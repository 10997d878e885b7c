#include "connlib/policy/decision.h"

#include <catch2/catch.hpp>

namespace connlib::policy {
namespace {

using Verdict = Decision::Verdict;

const absl::Time kMondayMorning = absl::FromUnixSeconds(1789970400);  // 2026-09-21 06:00 UTC
const ActorId kJane("jane");
const ResourceId kWiki("wiki");
const ResourceId kVault("vault");

Condition hours(const char* text) {
  return TimeCondition{WeeklyTimes({DayTimes::parse(text).value()})};
}

// Jane is of the staff. Staff may read the wiki, and open the vault under conditions.
struct Office {
  Office() {
    directory.set_actor({kJane, "Jane Doe", false});
    directory.set_group({GroupId("staff"), "Staff"});
    directory.set_group({GroupId("all"), "Everyone", Group::Kind::kEveryone});
    REQUIRE(directory.set_resource({.id = kWiki, .name = "Wiki"}).ok());
    REQUIRE(directory.set_resource({.id = kVault, .name = "Vault"}).ok());
    REQUIRE(directory.add_member(GroupId("staff"), kJane).ok());
    set("p1", "staff", kWiki, {});
  }
  void set(const char* id, const char* group, const ResourceId& resource,
           std::vector<Condition> conditions, std::string description = "") {
    REQUIRE(directory
                .set_policy({.id = PolicyId(id),
                             .group = GroupId(group),
                             .resource = resource,
                             .description = std::move(description),
                             .conditions = std::move(conditions)})
                .ok());
  }
  Decision ask(const ResourceId& resource) const {
    return decide(directory, jane, resource, kMondayMorning, Zones());
  }

  Directory directory;
  Subject jane{.actor = kJane, .circumstances = {.source = IpAddress::parse("192.0.2.1").value()}};
};

TEST_CASE(
    "a member of a group may use what a policy grants to it, for as long as they are signed in") {
  Office office;
  Decision decision = office.ask(kWiki);
  CHECK(decision.is_allowed());
  CHECK(decision.policy == PolicyId("p1"));
  CHECK(decision.group == GroupId("staff"));
  CHECK(decision.expires_at == std::nullopt);
  CHECK(decision.explanation == R"(allowed by policy "p1" through group "Staff")");

  office.jane.session_ends_at = kMondayMorning + absl::Hours(8);
  decision = office.ask(kWiki);
  CHECK(decision.expires_at == office.jane.session_ends_at);
  CHECK(decision.explanation ==
        R"(allowed by policy "p1" through group "Staff" until 2026-09-21T14:00:00Z, )"
        "when the session ends");
}

TEST_CASE("nothing granted is nothing found") {
  Office office;
  CHECK(office.ask(kVault).verdict == Verdict::kNotFound);
  CHECK(office.ask(ResourceId("moon")).explanation == "denied: no resource \"moon\"");
  office.directory.remove_member(GroupId("staff"), kJane);
  CHECK(office.ask(kWiki).verdict == Verdict::kNotFound);
  CHECK(office.ask(kWiki).explanation == "denied: no policy grants it to a group of the actor");
}

TEST_CASE("a disabled policy grants nothing, a disabled actor gets nothing") {
  Office office;
  SECTION("policy") {
    REQUIRE(office.directory
                .set_policy({.id = PolicyId("p1"),
                             .group = GroupId("staff"),
                             .resource = kWiki,
                             .is_disabled = true})
                .ok());
    CHECK(office.ask(kWiki).verdict == Verdict::kNotFound);
  }
  SECTION("actor") {
    office.directory.set_actor({kJane, "Jane Doe", true});
    CHECK(office.ask(kWiki).verdict == Verdict::kDisabled);
    CHECK(office.ask(kWiki).explanation == "denied: actor \"Jane Doe\" is disabled");
    CHECK(reachable(office.directory, office.jane, kMondayMorning, Zones()).empty());
  }
  SECTION("actor removed") {
    office.set("p2", "all", kVault, {});
    office.directory.remove_actor(kJane);
    CHECK_FALSE(office.ask(kVault).is_allowed());
  }
}

TEST_CASE("a session that ended may nothing, to the second") {
  Office office;
  office.jane.session_ends_at = kMondayMorning;
  CHECK(office.ask(kWiki).verdict == Verdict::kExpired);
  office.jane.session_ends_at = kMondayMorning + absl::Seconds(1);
  CHECK(office.ask(kWiki).is_allowed());
}

TEST_CASE("outside hours the answer says when to come back") {
  Office office;
  office.set("p2", "staff", kVault, {hours("M/08:00-17:30/UTC")}, "Office hours");
  const Decision decision = office.ask(kVault);
  CHECK(decision.verdict == Verdict::kForbidden);
  CHECK(decision.violated == std::vector<Property>{Property::kTime});
  CHECK(decision.retry_at == kMondayMorning + absl::Hours(2));
  CHECK(decision.explanation == R"(denied: outside hours until 08:00 UTC (policy "Office hours"))");
}

TEST_CASE("within hours the authorization ends with them, or with the session if that is sooner") {
  Office office;
  office.set("p2", "staff", kVault, {hours("M/05:00-07:00/UTC")});
  CHECK(office.ask(kVault).expires_at == kMondayMorning + absl::Hours(1));
  office.jane.session_ends_at = kMondayMorning + absl::Minutes(30);
  CHECK(office.ask(kVault).expires_at == office.jane.session_ends_at);
  office.jane.session_ends_at = kMondayMorning + absl::Hours(9);
  CHECK(office.ask(kVault).expires_at == kMondayMorning + absl::Hours(1));
  CHECK(office.ask(kVault).explanation.ends_with("07:00:00Z, when its hours end"));
}

TEST_CASE("of policies that grant the same, the one that lasts longest counts") {
  Office office;
  office.set("p2", "staff", kVault, {hours("M/05:00-07:00/UTC")});
  office.set("p3", "all", kVault, {hours("M/05:00-09:00/UTC")});
  CHECK(office.ask(kVault).policy == PolicyId("p3"));
  CHECK(office.ask(kVault).group == GroupId("all"));
  CHECK(office.ask(kVault).expires_at == kMondayMorning + absl::Hours(3));
  office.set("p2", "staff", kVault, {});
  CHECK(office.ask(kVault).policy == PolicyId("p2"));
  office.set("p3", "all", kVault, {});
  CHECK(office.ask(kVault).policy == PolicyId("p2"));  // The lower id of equals.
}

TEST_CASE("one policy's conditions must hold together, those of another do not matter") {
  Office office;
  office.set("p2", "staff", kVault, {VerifiedCondition{}, hours("M/08-09/UTC")});
  Decision decision = office.ask(kVault);
  CHECK(decision.violated == std::vector<Property>{Property::kVerified, Property::kTime});
  CHECK(decision.retry_at == std::nullopt);  // Time alone will not help.
  office.jane.circumstances.is_verified = true;
  CHECK(office.ask(kVault).retry_at == kMondayMorning + absl::Hours(2));
  office.set("p3", "all", kVault, {SourceCondition{true, {*IpPrefix::parse("192.0.2.0/24")}}});
  CHECK(office.ask(kVault).policy == PolicyId("p3"));
  office.jane.circumstances.source = IpAddress::parse("203.0.113.1").value();
  decision = office.ask(kVault);
  CHECK(decision.violated == std::vector<Property>{Property::kSource, Property::kTime});
  CHECK(decision.explanation ==
        R"(denied: outside hours until 08:00 UTC (policy "p2"); )"
        R"(source address 203.0.113.1 is in no permitted network (policy "p3"))");
}

TEST_CASE("what is reachable changes when hours begin or end, and not before") {
  Office office;
  office.set("p2", "staff", kVault, {hours("M/08-09/UTC")});
  const auto at = [&](absl::Time now) {
    return reachable(office.directory, office.jane, now, Zones()).size();
  };
  const auto next = [&](absl::Time now) {
    return next_change(office.directory, office.jane, now, Zones());
  };
  CHECK(at(kMondayMorning) == 1);
  CHECK(next(kMondayMorning) == kMondayMorning + absl::Hours(2));
  CHECK(at(kMondayMorning + absl::Hours(2)) == 2);
  CHECK(next(kMondayMorning + absl::Hours(2)) == kMondayMorning + absl::Hours(3));
  CHECK(at(kMondayMorning + absl::Hours(3)) == 1);
  office.jane.session_ends_at = kMondayMorning + absl::Hours(1);
  CHECK(next(kMondayMorning) == office.jane.session_ends_at);
  CHECK(at(kMondayMorning + absl::Hours(1)) == 0);
  CHECK(next(kMondayMorning + absl::Hours(1)) == std::nullopt);
}

}  // namespace
}  // namespace connlib::policy
