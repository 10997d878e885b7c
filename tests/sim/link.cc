#include "tests/sim/link.h"

#include <algorithm>

namespace connlib::sim {

std::variant<Link::Arrivals, DropReason> Link::pass(Timestamp now, size_t bytes_on_wire, Ecn ecn) {
  if (conditions_.is_cut) return DropReason::kCut;
  if (bytes_on_wire > conditions_.mtu) return DropReason::kTooBig;
  if (happens(conditions_.loss_percent)) return DropReason::kLost;
  Arrivals arrivals;
  arrivals.push_back({arrival_time(now), marked(ecn)});
  if (happens(conditions_.duplicate_percent)) {
    arrivals.push_back({arrival_time(now), arrivals.front().ecn});
  }
  return arrivals;
}

Timestamp Link::arrival_time(Timestamp now) {
  Timestamp at = now + conditions_.latency;
  if (conditions_.jitter > 0ns) {
    at += Duration(
        static_cast<int64_t>(random_.below(static_cast<uint64_t>(conditions_.jitter.count()) + 1)));
  }
  // Reordered means: late, and those behind do not wait for it.
  if (happens(conditions_.reorder_percent)) return at + conditions_.reorder_by;
  return last_arrival_ = std::max(last_arrival_, at);
}

Ecn Link::marked(Ecn ecn) {
  if (ecn == Ecn::kNotEct || !happens(conditions_.ce_percent)) return ecn;
  return Ecn::kCe;
}

bool Link::happens(double percent) {
  // No draw for what is switched off: switching one condition on leaves the others' luck alone.
  if (percent <= 0) return false;
  constexpr uint64_t kParts = 1'000'000;
  return static_cast<double>(random_.below(kParts)) < percent / 100 * kParts;
}

}  // namespace connlib::sim
