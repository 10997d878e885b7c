#include "connlib/policy/directory.h"

#include <catch2/catch.hpp>

namespace connlib::policy {
namespace {

const ActorId kJane("jane");
const GroupId kStaff("staff");
const ResourceId kWiki("wiki");
const SiteId kHq("hq");

Policy policy(const char* id, GroupId group = kStaff, ResourceId resource = kWiki) {
  return {.id = PolicyId(id), .group = std::move(group), .resource = std::move(resource)};
}

Directory office() {
  Directory out;
  out.set_actor({kJane, "Jane", false});
  out.set_group({kStaff, "Staff"});
  out.set_site({kHq, "HQ"});
  REQUIRE(out.set_resource({.id = kWiki, .name = "Wiki", .sites = {{kHq, "HQ"}}}).ok());
  REQUIRE(out.set_policy(policy("p")).ok());
  REQUIRE(out.add_member(kStaff, kJane).ok());
  return out;
}

bool is_staff(const Directory& directory) {
  const Group* staff = directory.find_group(kStaff);
  return staff != nullptr && directory.is_member(*staff, kJane);
}

TEST_CASE("what would dangle is refused by name") {
  Directory directory = office();
  CHECK(directory.set_policy(policy("q", GroupId("nobody"))).message() == "no group \"nobody\"");
  CHECK(directory.set_policy(policy("q", kStaff, ResourceId("x"))).message() ==
        "no resource \"x\"");
  CHECK(directory.set_resource({.id = kWiki, .sites = {{SiteId("moon"), ""}}}).message() ==
        "no site \"moon\"");
  CHECK_FALSE(directory.add_member(kStaff, ActorId("ghost")).ok());
  CHECK_FALSE(directory.add_member(GroupId("nobody"), kJane).ok());
}

TEST_CASE("there is one policy per group and resource, and one condition per property") {
  Directory directory = office();
  CHECK(absl::IsAlreadyExists(directory.set_policy(policy("q"))));
  CHECK(directory.set_policy(policy("p")).ok());  // Itself again.
  Policy twice = policy("p");
  twice.conditions = {VerifiedCondition{}, VerifiedCondition{}};
  CHECK(absl::IsInvalidArgument(directory.set_policy(twice)));
  REQUIRE(directory.policies_of(kWiki).size() == 1);
  CHECK(directory.policies_of(kWiki)[0]->conditions.empty());
}

TEST_CASE("a policy that moves to another group leaves its place") {
  Directory directory = office();
  directory.set_group({GroupId("guests"), "Guests"});
  REQUIRE(directory.set_policy(policy("p", GroupId("guests"))).ok());
  REQUIRE(directory.policies_of(kWiki).size() == 1);
  CHECK(directory.policies_of(kWiki)[0]->group == GroupId("guests"));
  CHECK(directory.set_policy(policy("q")).ok());
  CHECK(directory.policies_of(kWiki).size() == 2);
}

TEST_CASE("what hangs on something goes along with it") {
  Directory directory = office();
  SECTION("a group's policies and members") {
    directory.remove_group(kStaff);
    CHECK(directory.policies_of(kWiki).empty());
    directory.set_group({kStaff, "Staff"});
    CHECK_FALSE(is_staff(directory));
  }
  SECTION("a site's resources and their policies") {
    directory.remove_site(kHq);
    CHECK(directory.find_resource(kWiki) == nullptr);
    CHECK(directory.policies_of(kWiki).empty());
  }
  SECTION("a resource's policies") {
    directory.remove_resource(kWiki);
    CHECK(directory.policies_of(kWiki).empty());
  }
  SECTION("an actor's memberships") {
    directory.remove_actor(kJane);
    directory.set_actor({kJane, "Jane", false});
    CHECK_FALSE(is_staff(directory));
  }
  SECTION("a membership alone") {
    directory.remove_member(kStaff, kJane);
    CHECK_FALSE(is_staff(directory));
    CHECK(directory.policies_of(kWiki).size() == 1);
  }
}

TEST_CASE("everyone is everyone there is") {
  Directory directory = office();
  const Group everyone{GroupId("all"), "Everyone", Group::Kind::kEveryone};
  CHECK(directory.is_member(everyone, kJane));
  CHECK_FALSE(directory.is_member(everyone, ActorId("ghost")));
}

}  // namespace
}  // namespace connlib::policy
