// Somebody is early: the smallest use of connlib/policy/.
#include <chrono>
#include <cstdio>

#include "connlib/policy/decision.h"

namespace {

using namespace connlib;
using namespace connlib::policy;

const absl::Time kMondayAtSix = absl::FromUnixSeconds(1'789'963'200);  // 04:00 UTC.
const ResourceId kWiki("wiki");

}  // namespace

int main() {
  Zones zones;  // A shell reads the machine's database.
  zones.set("Europe/Berlin", Zone(std::chrono::hours(2), {}));
  const auto hours = DayTimes::parse("M/08:00-17:30/Europe/Berlin");
  if (!hours.ok()) return 1;

  Directory directory;
  directory.set_actor({ActorId("jane"), "Jane Doe", false});
  directory.set_group({GroupId("staff"), "Staff"});
  if (!directory.set_resource({.id = kWiki, .name = "Wiki"}).ok() ||
      !directory.add_member(GroupId("staff"), ActorId("jane")).ok() ||
      !directory
           .set_policy({.id = PolicyId("p"),
                        .group = GroupId("staff"),
                        .resource = kWiki,
                        .description = "Office hours",
                        .conditions = {TimeCondition{WeeklyTimes({*hours})}}})
           .ok()) {
    return 1;
  }
  const Subject jane{.actor = ActorId("jane")};

  // [snippet: decide]
  const Decision decision = decide(directory, jane, kWiki, kMondayAtSix, zones);
  std::puts(decision.explanation.c_str());
  // denied: outside hours until 08:00 Europe/Berlin (policy "Office hours")
  // [/snippet]
  const bool is_as_quoted =
      decision.explanation ==
      R"(denied: outside hours until 08:00 Europe/Berlin (policy "Office hours"))";
  const bool is_later_allowed =
      decide(directory, jane, kWiki, kMondayAtSix + absl::Hours(2), zones).is_allowed();
  return is_as_quoted && is_later_allowed ? 0 : 1;
}
