#include "connlib/policy/weekly_times.h"

#include <chrono>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

namespace connlib::policy {
namespace {

using namespace std::chrono_literals;

absl::Time utc(const char* text) {
  absl::Time out;
  std::string error;
  REQUIRE(absl::ParseTime("%Y-%m-%d %H:%M:%S", text, absl::UTCTimeZone(), &out, &error));
  return out;
}

// The clocks of Berlin in 2026: an hour ahead, two in summer.
Zones zones() {
  Zones out;
  out.set("Europe/Berlin",
          Zone(3600s, {{utc("2026-10-25 01:00:00"), 3600s}, {utc("2026-03-29 01:00:00"), 7200s}}));
  out.set("Asia/Tokyo", Zone(9h, {}));
  return out;
}

WeeklyTimes times(std::initializer_list<const char*> days) {
  std::vector<DayTimes> out;
  for (const char* day : days) out.push_back(DayTimes::parse(day).value());
  return WeeklyTimes(std::move(out));
}

TEST_CASE("times are read as administrators write them") {
  const auto day = DayTimes::parse("M/08:00-12:00,13-17:30/Europe/Berlin");
  REQUIRE(day.ok());
  CHECK(day->day == Weekday::kMonday);
  CHECK(day->zone == "Europe/Berlin");
  CHECK(day->ranges == std::vector<DayTimes::Range>{{8h, 12h}, {13h, 17h + 30min}});
  CHECK(DayTimes::parse("R/true/UTC")->ranges == std::vector<DayTimes::Range>{{0h, 24h}});
  CHECK(DayTimes::parse("U/23:59:58-24:00/UTC")->day == Weekday::kSunday);
  CHECK(DayTimes::parse("U/23:59:58-24:00/UTC")->ranges[0].start == 24h - 2s);
}

TEST_CASE("times that mean nothing are refused by name") {
  const std::string text = GENERATE(
      "", "M", "M/true", "M/true/", "X/true/UTC", "MT/true/UTC", "/true/UTC", "M//UTC", "M/8/UTC",
      "M/12-8/UTC", "M/8-8/UTC", "M/22:00-06:00/UTC", "M/8-24:01/UTC", "M/8:60-9/UTC", "M/-1-9/UTC",
      "M/8-9,/UTC", "M/8-9:00:00:00/UTC", "M/008-9/UTC", "M/8-25/UTC", "M/+8-9/UTC",
      "M/1-2,1-2,1-2,1-2,1-2,1-2,1-2,1-2,1-2,1-2,1-2,1-2,1-2/UTC");
  CAPTURE(text);
  const auto day = DayTimes::parse(text);
  REQUIRE_FALSE(day.ok());
  CHECK(std::string(day.status().message()).find('"' + text + '"') != std::string::npos);
}

TEST_CASE("hours are those of the place, in summer and in winter") {
  const auto office = times({"M/08:00-12:00,13-17:30/Europe/Berlin"});
  const auto [what, at, is_open] = GENERATE(table<const char*, const char*, bool>({
      {"summer, a second early", "2026-09-21 05:59:59", false},
      {"summer, on the dot", "2026-09-21 06:00:00", true},
      {"lunch", "2026-09-21 10:00:00", false},
      {"after lunch", "2026-09-21 11:00:00", true},
      {"the last second", "2026-09-21 15:29:59", true},
      {"closed", "2026-09-21 15:30:00", false},
      {"Tuesday", "2026-09-22 06:00:00", false},
      {"winter", "2026-11-02 06:30:00", false},
      {"winter, an hour later in UTC", "2026-11-02 07:00:00", true},
  }));
  INFO(what);
  CHECK(office.is_open(utc(at), zones()) == is_open);
}

TEST_CASE("the next change is where the answer changes, over days and changes of clocks") {
  struct Row {
    const char* what;
    WeeklyTimes times;
    const char* at;
    const char* changes_at;
  };
  const auto office = times({"M/08:00-12:00,13-17:30/Europe/Berlin"});
  const Row rows[] = {
      {"closes for lunch", office, "2026-09-21 06:00:00", "2026-09-21 10:00:00"},
      {"opens after it", office, "2026-09-21 10:00:00", "2026-09-21 11:00:00"},
      {"opens in a week", office, "2026-09-21 15:30:00", "2026-09-28 06:00:00"},
      {"opens in a longer week, clocks going back", office, "2026-10-19 15:30:00",
       "2026-10-26 07:00:00"},
      {"opens in a shorter week, clocks going forth", office, "2026-03-23 17:00:00",
       "2026-03-30 06:00:00"},
      {"two whole days are one opening", times({"S/true/UTC", "U/true/UTC"}), "2026-09-19 10:00:00",
       "2026-09-21 00:00:00"},
      {"a night of two days", times({"M/22-24/UTC", "T/0-6/UTC"}), "2026-09-21 23:00:00",
       "2026-09-22 06:00:00"},
      {"two places, one after the other", times({"M/8-17/Asia/Tokyo", "M/8-17/Europe/Berlin"}),
       "2026-09-21 07:00:00", "2026-09-21 15:00:00"},
      {"an hour that the clock shows twice lasts two", times({"U/2-3/Europe/Berlin"}),
       "2026-10-25 00:00:00", "2026-10-25 02:00:00"},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    const auto change = row.times.next_change(utc(row.at), zones());
    REQUIRE(change.has_value());
    CHECK(absl::FormatTime(*change, absl::UTCTimeZone()) ==
          absl::FormatTime(utc(row.changes_at), absl::UTCTimeZone()));
  }
}

TEST_CASE("an hour that the clock skips never comes that day") {
  const auto hour = times({"U/2-3/Europe/Berlin"});
  // 01:59:59 is followed by 03:00:00.
  CHECK_FALSE(hour.is_open(utc("2026-03-29 00:59:59"), zones()));
  CHECK_FALSE(hour.is_open(utc("2026-03-29 01:00:00"), zones()));
  CHECK(hour.next_change(utc("2026-03-28 12:00:00"), zones()) == utc("2026-04-05 00:00:00"));
}

TEST_CASE("what is always open, never open or nowhere does not change") {
  const auto always = times({"M/true/UTC", "T/true/UTC", "W/true/UTC", "R/true/UTC", "F/true/UTC",
                             "S/true/UTC", "U/true/UTC"});
  CHECK(always.is_open(utc("2026-09-21 00:00:00"), zones()));
  CHECK(always.next_change(utc("2026-09-21 00:00:00"), zones()) == std::nullopt);
  CHECK(times({}).next_change(utc("2026-09-21 00:00:00"), zones()) == std::nullopt);
  const auto nowhere = times({"M/true/Atlantis/Main"});
  CHECK_FALSE(nowhere.is_open(utc("2026-09-21 12:00:00"), zones()));
  CHECK(nowhere.next_change(utc("2026-09-21 12:00:00"), zones()) == std::nullopt);
}

TEST_CASE("every minute of a fortnight agrees with what the next change promised") {
  const auto hours = times({"M/08:00-12:00,13-17:30/Europe/Berlin", "S/true/Europe/Berlin",
                            "U/0-3:07/Europe/Berlin", "W/22-24/Asia/Tokyo", "R/0-2/Asia/Tokyo"});
  const Zones all = zones();
  absl::Time at = utc("2026-10-17 00:00:00");
  std::optional<absl::Time> promised = hours.next_change(at, all);
  bool is_open = hours.is_open(at, all);
  int changes = 0;
  for (; at < utc("2026-10-31 00:00:00"); at += absl::Minutes(1)) {
    REQUIRE(promised.has_value());
    if (at >= *promised) {
      is_open = !is_open;
      ++changes;
      promised = hours.next_change(at, all);
    }
    INFO(absl::FormatTime(at, absl::UTCTimeZone()));
    REQUIRE(hours.is_open(at, all) == is_open);
  }
  CHECK(changes == 16);
}

TEST_CASE("a time of another day names the day") {
  const Zone utc_zone;
  const auto monday = local_time(utc("2026-09-21 08:05:59"), utc_zone);
  const auto tuesday = local_time(utc("2026-09-22 00:00:00"), utc_zone);
  CHECK(short_text(monday, monday) == "08:05");
  CHECK(short_text(monday, tuesday) == "Mon 08:05");
  const auto before = local_time(absl::FromUnixSeconds(-1), utc_zone);
  CHECK(short_text(before, monday) == "Wed 23:59");
}

}  // namespace
}  // namespace connlib::policy
