#include "connlib/gateway/grant_clock.h"

namespace connlib::gateway {

Timestamp GrantClock::instant_of(const std::optional<absl::Time>& date, Timestamp now) const {
  if (!date.has_value()) return Timestamp::never();
  const absl::Duration distance = *date - date_;
  if (distance <= absl::ZeroDuration()) return instant_;
  if (distance >= absl::FromChrono(Duration::max())) return now + kUncountable;
  const Timestamp at = instant_ + Duration(absl::ToInt64Nanoseconds(distance));
  return at.is_never() ? now + kUncountable : at;
}

}  // namespace connlib::gateway
