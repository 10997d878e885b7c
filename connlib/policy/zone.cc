#include "connlib/policy/zone.h"

#include <algorithm>

namespace connlib::policy {
namespace {

bool is_later(absl::Time at, const Zone::Change& change) { return at < change.at; }

}  // namespace

Zone::Zone(std::chrono::seconds ahead_of_utc, std::vector<Change> changes)
    : initial_(ahead_of_utc), changes_(std::move(changes)) {
  std::sort(changes_.begin(), changes_.end(),
            [](const Change& a, const Change& b) { return a.at < b.at; });
}

std::chrono::seconds Zone::ahead_of_utc(absl::Time at) const {
  const auto next = std::upper_bound(changes_.begin(), changes_.end(), at, is_later);
  return next == changes_.begin() ? initial_ : std::prev(next)->ahead_of_utc;
}

absl::Time Zone::next_change(absl::Time at) const {
  const auto next = std::upper_bound(changes_.begin(), changes_.end(), at, is_later);
  return next == changes_.end() ? absl::InfiniteFuture() : next->at;
}

const Zone* Zones::find(std::string_view name) const {
  const auto found = zones_.find(name);
  return found == zones_.end() ? nullptr : &found->second;
}

}  // namespace connlib::policy
