#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/time/time.h>

namespace connlib::policy {

// Zone is how far local clocks of one place are ahead of UTC, and when that changes. It is data: a
// shell reads the machine's time zone database and hands the result in, so that a decision can be
// repeated anywhere.
class Zone {
 public:
  struct Change {
    absl::Time at;
    std::chrono::seconds ahead_of_utc{0};  // From `at` on.
    friend bool operator==(const Change&, const Change&) = default;
  };

  Zone() = default;  // UTC.
  // `ahead_of_utc` holds before the first of `changes`, which come in any order.
  Zone(std::chrono::seconds ahead_of_utc, std::vector<Change> changes);

  std::chrono::seconds ahead_of_utc(absl::Time at) const;
  // The first change behind `at`; InfiniteFuture() when none is known.
  absl::Time next_change(absl::Time at) const;

 private:
  std::chrono::seconds initial_{0};
  std::vector<Change> changes_;  // By time.
};

// Zones are those that somebody's policy names. "UTC" and "Etc/UTC" are always known.
class Zones {
 public:
  void set(std::string name, Zone zone) {
    zones_.insert_or_assign(std::move(name), std::move(zone));
  }
  const Zone* find(std::string_view name) const;  // Null when unknown: conditions then fail.

 private:
  std::map<std::string, Zone, std::less<>> zones_{{"Etc/UTC", Zone()}, {"UTC", Zone()}};
};

}  // namespace connlib::policy
