#pragma once

#include <cstdint>
#include <utility>
#include <variant>

#include <absl/container/inlined_vector.h>

#include "connlib/base/ecn.h"
#include "connlib/base/random_source.h"
#include "connlib/base/timestamp.h"
#include "tests/sim/datagram.h"

namespace connlib::sim {

// LinkConditions is the weather on one direction of a link. Percentages are of datagrams.
struct LinkConditions {
  Duration latency = 5ms;
  Duration jitter = 0ms;  // Up to this much more; order is kept.
  double loss_percent = 0;
  double duplicate_percent = 0;
  double reorder_percent = 0;
  Duration reorder_by = 10ms;  // A reordered datagram is late by this and overtaken meanwhile.
  double ce_percent = 0;       // ECT datagrams that leave marked congestion-experienced.
  size_t mtu = 65535;          // Headers included; larger datagrams vanish.
  bool is_cut = false;
};

// Link is one direction of a wire: it decides when a datagram arrives, how often, or why never.
class Link {
 public:
  Link(LinkConditions conditions, SeededRandom random)
      : conditions_(conditions), random_(std::move(random)) {}

  struct Arrival {
    Timestamp at;
    Ecn ecn = Ecn::kNotEct;
  };
  using Arrivals = absl::InlinedVector<Arrival, 2>;  // One, or two for a duplicate.

  std::variant<Arrivals, DropReason> pass(Timestamp now, size_t bytes_on_wire, Ecn ecn);

  const LinkConditions& conditions() const { return conditions_; }
  LinkConditions& conditions() { return conditions_; }

 private:
  Timestamp arrival_time(Timestamp now);
  Ecn marked(Ecn ecn);
  bool happens(double percent);

  LinkConditions conditions_;
  SeededRandom random_;
  Timestamp last_arrival_;  // Of those in order.
};

// Cable is both directions: `up` leads away from the host or site that it belongs to.
struct Cable {
  Cable(LinkConditions conditions, SeededRandom& random)
      : up(conditions, random.fork()), down(conditions, random.fork()) {}

  void set(const LinkConditions& conditions) {
    up.conditions() = conditions;
    down.conditions() = conditions;
  }
  void cut() { up.conditions().is_cut = down.conditions().is_cut = true; }
  void mend() { up.conditions().is_cut = down.conditions().is_cut = false; }

  Link up;
  Link down;
};

}  // namespace connlib::sim
