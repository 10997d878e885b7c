#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "connlib/policy/zone.h"

namespace connlib::policy {

enum class Weekday : uint8_t {
  kMonday,
  kTuesday,
  kWednesday,
  kThursday,
  kFriday,
  kSaturday,
  kSunday
};

inline constexpr size_t kMaxRangesPerDay = 12;  // Ours.
inline constexpr size_t kMaxDayTimes = 28;      // Ours: four zones, every day.

// DayTimes are the open hours of one weekday at one place.
struct DayTimes {
  // From the first second to the last one before `end`; 24 h is the end of the day.
  struct Range {
    std::chrono::seconds start{0};
    std::chrono::seconds end{0};
    friend bool operator==(const Range&, const Range&) = default;
  };
  Weekday day = Weekday::kMonday;
  std::vector<Range> ranges;
  std::string zone;
  friend bool operator==(const DayTimes&, const DayTimes&) = default;

  // parse() reads "M/08:00-12:00,13-17:30/Europe/Berlin"; "true" for the ranges is all day, and the
  // days are M T W R F S U. A range does not go past midnight: write two.
  static absl::StatusOr<DayTimes> parse(std::string_view text);
};

// WeeklyTimes is open while one of its days is. Days whose zone is not known are never open.
class WeeklyTimes {
 public:
  // Days beyond kMaxDayTimes are left out.
  explicit WeeklyTimes(std::vector<DayTimes> days);

  bool is_open(absl::Time at, const Zones& zones) const;

  // The first instant behind `at` at which is_open() is another; nullopt when a week goes by
  // without. Where clocks are put forward or back, the hours that really pass count.
  std::optional<absl::Time> next_change(absl::Time at, const Zones& zones) const;

  // The place whose day is the first to be open from `at` on: in whose time people want to read it.
  std::string_view zone_open_at(absl::Time at, const Zones& zones) const;

  const std::vector<DayTimes>& days() const { return days_; }

 private:
  std::vector<DayTimes> days_;
};

// LocalTime is an instant as a clock on the wall shows it.
struct LocalTime {
  int64_t day = 0;  // Since 1970-01-01.
  Weekday weekday = Weekday::kThursday;
  std::chrono::seconds of_day{0};
};
LocalTime local_time(absl::Time at, const Zone& zone);

// short_text() is "08:00" on the day of `today`, else "Mon 08:00".
std::string short_text(const LocalTime& time, const LocalTime& today);

}  // namespace connlib::policy
