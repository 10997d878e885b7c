#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "connlib/base/random_source.h"
#include "connlib/base/timestamp.h"
#include "tests/sim/machine.h"

namespace connlib::sim {

struct SignallingConditions {
  Duration latency = 50ms;
  Duration jitter = 0ms;
  bool keeps_order = true;  // Between two machines. With jitter and without order they overtake.
};

// Signalling times the messages between machines and keeps those of machines that are cut off, as a
// portal does, until they are back.
class Signalling {
 public:
  struct Held {
    MachineId from;
    Message message;
  };

  explicit Signalling(SeededRandom random) : random_(std::move(random)) {}

  void set_conditions(const SignallingConditions& conditions) { conditions_ = conditions; }

  // When a message that is sent now arrives.
  Timestamp arrival(Timestamp now, MachineId from, MachineId to) {
    Timestamp at = now + conditions_.latency;
    if (conditions_.jitter > 0ns) {
      const auto range = static_cast<uint64_t>(conditions_.jitter.count()) + 1;
      at += Duration(static_cast<int64_t>(random_.below(range)));
    }
    if (!conditions_.keeps_order) return at;
    Timestamp& last = last_arrival_[{from, to}];
    return last = std::max(last, at);
  }

  bool is_cut(MachineId machine) const { return cut_.contains(machine); }
  void cut(MachineId machine) { cut_.insert(machine); }
  void mend(MachineId machine) { cut_.erase(machine); }

  void hold(MachineId from, Message message) { held_.push_back({from, std::move(message)}); }
  std::vector<Held> take_held() { return std::exchange(held_, {}); }

 private:
  SeededRandom random_;
  SignallingConditions conditions_;
  std::map<std::pair<MachineId, MachineId>, Timestamp> last_arrival_;
  std::set<MachineId> cut_;
  std::vector<Held> held_;
};

}  // namespace connlib::sim
