#include "connlib/policy/weekly_times.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <absl/strings/str_cat.h>
#include <fmt/format.h>

namespace connlib::policy {
namespace {

using std::chrono::seconds;

constexpr seconds kDay = std::chrono::hours(24);
constexpr std::string_view kDayLetters = "MTWRFSU";

absl::Status bad(std::string_view text, const char* why) {
  return absl::InvalidArgumentError(
      absl::StrCat("times \"", absl::string_view(text.data(), text.size()), "\": ", why));
}

// One or two digits, at most `max`.
std::optional<int> parse_number(std::string_view text, int max) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || text.size() > 2 || text.front() == '-' || error != std::errc() ||
      end != text.data() + text.size() || number > max) {
    return std::nullopt;
  }
  return number;
}

// Hours, and if written minutes and seconds.
std::optional<seconds> parse_time(std::string_view text) {
  static constexpr std::array<int, 3> kMax = {24, 59, 59};
  seconds out{0};
  seconds unit = std::chrono::hours(1);
  for (size_t field = 0; field < kMax.size(); ++field) {
    const size_t colon = text.find(':');
    const auto number = parse_number(text.substr(0, colon), kMax[field]);
    if (!number) return std::nullopt;
    out += *number * unit;
    unit /= 60;
    if (colon == std::string_view::npos) return out <= kDay ? std::optional(out) : std::nullopt;
    text.remove_prefix(colon + 1);
  }
  return std::nullopt;
}

std::optional<DayTimes::Range> parse_range(std::string_view text) {
  const size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto start = parse_time(text.substr(0, dash));
  const auto end = parse_time(text.substr(dash + 1));
  if (!start || !end || *start >= *end) return std::nullopt;
  return DayTimes::Range{*start, *end};
}

bool is_open(const DayTimes& day, const LocalTime& time) {
  return day.day == time.weekday &&
         std::any_of(day.ranges.begin(), day.ranges.end(), [&](const DayTimes::Range& range) {
           return range.start <= time.of_day && time.of_day < range.end;
         });
}

// The first instant behind `at` at which `day` may open or close, or its clock be changed.
absl::Time next_edge(const DayTimes& day, absl::Time at, const Zone& zone) {
  const LocalTime now = local_time(at, zone);
  const int days_ahead = (static_cast<int>(day.day) - static_cast<int>(now.weekday) + 7) % 7;
  seconds best = 8 * kDay;  // From the local midnight of `now`.
  const auto consider = [&](seconds edge) {
    if (edge <= now.of_day) edge += 7 * kDay;
    best = std::min(best, edge);
  };
  for (const DayTimes::Range& range : day.ranges) {
    consider(days_ahead * kDay + range.start);
    consider(days_ahead * kDay + range.end);
  }
  const absl::Time whole_second = absl::FromUnixSeconds(absl::ToUnixSeconds(at));
  return std::min(whole_second + absl::FromChrono(best - now.of_day), zone.next_change(at));
}

}  // namespace

absl::StatusOr<DayTimes> DayTimes::parse(std::string_view text) {
  DayTimes out;
  const size_t first = text.find('/');
  const size_t second = first == std::string_view::npos ? first : text.find('/', first + 1);
  if (second == std::string_view::npos) return bad(text, "must be DAY/RANGES/ZONE");
  const size_t letter = kDayLetters.find(text.substr(0, first));
  if (first != 1 || letter == std::string_view::npos) {
    return bad(text, "the day must be one of M T W R F S U");
  }
  out.day = static_cast<Weekday>(letter);
  out.zone = text.substr(second + 1);
  if (out.zone.empty()) return bad(text, "has no time zone");
  std::string_view ranges = text.substr(first + 1, second - first - 1);
  if (ranges == "true") {
    out.ranges = {{seconds(0), kDay}};
    return out;
  }
  for (bool has_more = true; has_more;) {
    const size_t comma = ranges.find(',');
    const auto range = parse_range(ranges.substr(0, comma));
    if (!range) return bad(text, "a range must be START-END within one day, such as 08:00-17:30");
    if (out.ranges.size() == kMaxRangesPerDay) return bad(text, "has too many ranges");
    out.ranges.push_back(*range);
    has_more = comma != std::string_view::npos;
    if (has_more) ranges.remove_prefix(comma + 1);
  }
  return out;
}

WeeklyTimes::WeeklyTimes(std::vector<DayTimes> days) : days_(std::move(days)) {
  if (days_.size() > kMaxDayTimes) days_.resize(kMaxDayTimes);
}

bool WeeklyTimes::is_open(absl::Time at, const Zones& zones) const {
  return !zone_open_at(at, zones).empty();
}

std::string_view WeeklyTimes::zone_open_at(absl::Time at, const Zones& zones) const {
  for (const DayTimes& day : days_) {
    const Zone* zone = zones.find(day.zone);
    if (zone != nullptr && policy::is_open(day, local_time(at, *zone))) return day.zone;
  }
  return {};
}

std::optional<absl::Time> WeeklyTimes::next_change(absl::Time at, const Zones& zones) const {
  // From edge to edge: between two of them nothing changes. A week and a day, because clocks that
  // are put back in between make the week longer.
  const bool is_open_now = is_open(at, zones);
  const absl::Time end = at + absl::Hours(8 * 24);
  while (at < end) {
    absl::Time next = absl::InfiniteFuture();
    for (const DayTimes& day : days_) {
      const Zone* zone = zones.find(day.zone);
      if (zone != nullptr) next = std::min(next, next_edge(day, at, *zone));
    }
    at = next;
    if (at < end && is_open(at, zones) != is_open_now) return at;
  }
  return std::nullopt;
}

LocalTime local_time(absl::Time at, const Zone& zone) {
  const int64_t local = absl::ToUnixSeconds(at) + zone.ahead_of_utc(at).count();
  constexpr int64_t kDaySeconds = kDay.count();
  int64_t day = local / kDaySeconds;
  if (local % kDaySeconds < 0) --day;
  const int64_t weekday = ((day + 3) % 7 + 7) % 7;  // 1970-01-01 was a Thursday.
  return {day, static_cast<Weekday>(weekday), seconds(local - day * kDaySeconds)};
}

std::string short_text(const LocalTime& time, const LocalTime& today) {
  static constexpr std::array<const char*, 7> kNames = {"Mon", "Tue", "Wed", "Thu",
                                                        "Fri", "Sat", "Sun"};
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(time.of_day).count();
  std::string clock = fmt::format("{:02}:{:02}", minutes / 60, minutes % 60);
  if (time.day == today.day) return clock;
  return fmt::format("{} {}", kNames[static_cast<size_t>(time.weekday)], clock);
}

}  // namespace connlib::policy
