#pragma once

#include <compare>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/functional/any_invocable.h>
#include <absl/functional/function_ref.h>

#include "connlib/base/deadline_heap.h"
#include "tests/sim/machine.h"
#include "tests/sim/network.h"
#include "tests/sim/signalling.h"

namespace connlib::sim {

// Failure ends a run: a machine broke the contract or logged an error. what() has the seed and the
// end of the trace.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// ExactSeed ignores CONNLIB_SEED, for tests about seeds.
struct ExactSeed {
  uint64_t value;
};

struct PortRange {
  uint16_t first = 0;
  uint16_t last = 0;
};
constexpr PortRange port(uint16_t number) { return {number, number}; }

// Path is a pair of sockets as the machine sees it.
struct Path {
  SocketAddress local;
  SocketAddress remote;
  friend auto operator<=>(const Path&, const Path&) = default;
};

// Traffic counts datagrams: `sent` before the network touches them, `received` as delivered.
struct Traffic {
  uint64_t sent = 0;
  uint64_t received = 0;
};
struct MachineStats {
  Traffic total;
  std::map<Path, Traffic> paths;
};

// Handle is a machine in a world, by its own type. It dies with kill() and restart().
template <typename T>
struct Handle {
  MachineId id;
  T* machine = nullptr;
  T* operator->() const { return machine; }
  T& operator*() const { return *machine; }
};

// World is a network, machines on its hosts, and virtual time. Equal seeds and equal tests give
// equal traces. `CONNLIB_SEED` in the environment replaces the seed; a failing run prints it.
class World {
 public:
  explicit World(uint64_t seed);
  explicit World(ExactSeed seed);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // --- Building.
  Network& network() { return network_; }
  SiteId add_site(SiteConfig config) { return network_.add_site(std::move(config)); }
  HostId add_host(std::string name, const InterfaceConfig& config = {}) {
    return network_.add_host(std::move(name), config);
  }

  // An independent random stream, for a machine's constructor.
  SeededRandom fork_random() { return random_.fork(); }

  // The diary as a Tracer; notes appear under `name`. Lives as long as the world.
  Tracer& tracer(const std::string& name);

  // attach() starts a machine that holds `ports` on all addresses of `host`.
  MachineId attach(HostId host, std::string name, std::vector<PortRange> ports,
                   std::unique_ptr<Machine> machine);

  // emplace() makes a T from `args` and attaches it.
  template <typename T, typename... Args>
  Handle<T> emplace(HostId host, const std::string& name, const std::vector<PortRange>& ports,
                    Args&&... args) {
    auto machine = std::make_unique<T>(std::forward<Args>(args)...);
    T* raw = machine.get();
    return {attach(host, name, ports, std::move(machine)), raw};
  }

  // --- Inputs and faults.

  // act() is the only way for a test to give a machine an input: `input(machine, now)` with the
  // host's clock, then outputs are drained. The host must be awake.
  template <typename T, typename Input>
  void act(const Handle<T>& handle, Input&& input) {
    begin_input(handle.id, handle.machine);
    input(*handle, local_now(handle.id));
    settle(handle.id);
  }

  void kill(MachineId id);  // Its sockets close; nothing is said.
  void restart(MachineId id, std::unique_ptr<Machine> machine);

  // suspend(): no input and no timer reaches the host's machines, what arrives is lost. resume():
  // their clock has moved on meanwhile, and each one that is due is told once.
  void suspend(HostId host);
  void resume(HostId host);

  // jump_clock() moves the host's clock forward against everybody else's.
  void jump_clock(HostId host, Duration forward);

  void set_signalling(const SignallingConditions& conditions);
  void cut_signalling(MachineId id) { signalling_.cut(id); }  // Messages from and to it wait.
  void mend_signalling(MachineId id);

  // after() runs `action` in the middle of a run.
  void after(Duration delay, EventQueue::Action action) {
    queue_.schedule(queue_.now() + delay, std::move(action));
  }

  // --- Time.

  // run_until() stops as soon as `reached` holds; false when it does not within `limit`.
  [[nodiscard]] bool run_until(absl::FunctionRef<bool()> reached, Duration limit);
  void run_for(Duration span);
  Timestamp now() const { return queue_.now(); }

  // --- Watching.
  const MachineStats& stats(MachineId id) const { return slot(id).stats; }
  void on_transmit(absl::AnyInvocable<void(MachineId, const Datagram&)> watch) {
    watch_ = std::move(watch);
  }
  Trace& trace() { return trace_; }
  uint64_t seed() const { return seed_; }

  // report() is the seed and the end of the trace, for people.
  std::string report() const;

  // Worlds that exist, so that a failing assertion can print their reports.
  static const std::vector<World*>& all();

 private:
  struct Slot {
    std::string name;
    HostId host;
    std::vector<PortRange> ports;
    std::unique_ptr<Machine> machine;  // nullptr: killed.
    Wakeup wakeup;                     // By the host's clock.
    MachineStats stats;
  };
  struct HostState {
    bool is_asleep = false;
    Duration ahead = 0ns;  // Of the host's clock against the world's.
    std::vector<MachineId> machines;
  };

  Slot& slot(MachineId id) { return *slots_.at(id.value()); }
  const Slot& slot(MachineId id) const { return *slots_.at(id.value()); }
  HostState& state(HostId host);
  Timestamp local_now(MachineId id);
  std::optional<MachineId> holder(HostId host, PortRange ports);
  void begin_input(MachineId id, const Machine* machine);

  bool step(Timestamp limit);
  void wake(MachineId id);
  void settle(MachineId id);
  void drain(MachineId id);
  void transmit(MachineId id, Datagram datagram);
  void receive(HostId host, Datagram datagram);
  void post(MachineId from, Message message);
  void deliver(MachineId from, Message message);
  void deliver_held();
  [[noreturn]] void fail(const std::string& who, const std::string& what);
  void check_progress();

  uint64_t seed_;
  SeededRandom random_;
  EventQueue queue_;
  Trace trace_;
  Network network_;
  Signalling signalling_;
  DeadlineHeap deadlines_;  // By machine, in world time.
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<HostState> hosts_;
  std::map<std::string, NoteTracer> tracers_;
  absl::AnyInvocable<void(MachineId, const Datagram&)> watch_;
  Timestamp busy_since_;     // The instant of the latest events,
  uint64_t busy_steps_ = 0;  // and how many it had.
};

}  // namespace connlib::sim
