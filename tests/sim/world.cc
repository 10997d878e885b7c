#include "tests/sim/world.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include "connlib/base/check.h"

namespace connlib::sim {
namespace {

// An odd hour, never zero: code that takes 0 for "unset" fails here first.
constexpr Timestamp kStart = Timestamp::from_nanoseconds(26'351'123'456'789);
constexpr size_t kMaxBurst = 100'000;          // Datagrams that one input may cause.
constexpr uint64_t kMaxStepsAtOnce = 100'000;  // Events without time going on.
constexpr size_t kReportLines = 40;

uint64_t seed_from_environment(uint64_t otherwise) {
  const char* text = std::getenv("CONNLIB_SEED");  // NOLINT(concurrency-mt-unsafe): no threads.
  uint64_t seed = 0;
  return text != nullptr && absl::SimpleAtoi(text, &seed) ? seed : otherwise;
}

std::vector<World*>& live_worlds() {
  static std::vector<World*> worlds;
  return worlds;
}

}  // namespace

World::World(uint64_t seed) : World(ExactSeed{seed_from_environment(seed)}) {}

World::World(ExactSeed seed)
    : seed_(seed.value),
      random_(seed.value),
      queue_(kStart),
      trace_(queue_),
      network_(queue_, trace_, random_.fork()),
      signalling_(random_.fork()),
      busy_since_(kStart) {
  network_.set_receiver([this](HostId host, Datagram d) { receive(host, std::move(d)); });
  live_worlds().push_back(this);
}

World::~World() { std::erase(live_worlds(), this); }

const std::vector<World*>& World::all() { return live_worlds(); }

Tracer& World::tracer(const std::string& name) {
  return tracers_.try_emplace(name, trace_, name).first->second;
}

MachineId World::attach(HostId host, std::string name, std::vector<PortRange> ports,
                        std::unique_ptr<Machine> machine) {
  for (const PortRange& range : ports) CONNLIB_CHECK(!holder(host, range));
  const MachineId id(static_cast<uint32_t>(slots_.size()));
  slots_.push_back(std::make_unique<Slot>(
      Slot{std::move(name), host, std::move(ports), std::move(machine), {}, {}}));
  state(host).machines.push_back(id);
  settle(id);
  return id;
}

void World::kill(MachineId id) {
  trace_.record(slot(id).name, "killed");
  slot(id).machine.reset();
  deadlines_.set(id.value(), Timestamp::never());
}

void World::restart(MachineId id, std::unique_ptr<Machine> machine) {
  trace_.record(slot(id).name, "restarted");
  slot(id).machine = std::move(machine);
  settle(id);
}

void World::suspend(HostId host) {
  trace_.record(network_.name(host), "falls asleep");
  state(host).is_asleep = true;
  for (const MachineId id : state(host).machines) deadlines_.set(id.value(), Timestamp::never());
}

void World::resume(HostId host) {
  trace_.record(network_.name(host), "wakes up");
  state(host).is_asleep = false;
  for (const MachineId id : state(host).machines) settle(id);
  deliver_held();
}

void World::jump_clock(HostId host, Duration forward) {
  CONNLIB_CHECK(forward >= 0ns);
  trace_.record(network_.name(host), "clock jumps by " + to_text(forward));
  state(host).ahead += forward;
  if (state(host).is_asleep) return;
  for (const MachineId id : state(host).machines) settle(id);
}

void World::set_signalling(const SignallingConditions& conditions) {
  signalling_.set_conditions(conditions);
}

void World::mend_signalling(MachineId id) {
  signalling_.mend(id);
  deliver_held();
}

bool World::run_until(absl::FunctionRef<bool()> reached, Duration limit) {
  const Timestamp end = queue_.now() + limit;
  do {
    if (reached()) return true;
  } while (step(end));
  queue_.advance_to(end);
  return reached();
}

void World::run_for(Duration span) {
  const Timestamp end = queue_.now() + span;
  while (step(end)) {
  }
  queue_.advance_to(end);
}

std::string World::report() const {
  return fmt::format(
      "seed {} (CONNLIB_SEED={} replays it), {} after the start; the last lines:\n{}", seed_, seed_,
      to_text(queue_.now() - kStart), trace_.tail(kReportLines));
}

World::HostState& World::state(HostId host) {
  if (host.value() >= hosts_.size()) hosts_.resize(host.value() + size_t{1});
  return hosts_[host.value()];
}

Timestamp World::local_now(MachineId id) { return queue_.now() + state(slot(id).host).ahead; }

// Who holds a port of `ports`.
std::optional<MachineId> World::holder(HostId host, PortRange ports) {
  for (const MachineId id : state(host).machines) {
    if (slot(id).machine == nullptr) continue;
    for (const PortRange& held : slot(id).ports) {
      if (ports.first <= held.last && held.first <= ports.last) return id;
    }
  }
  return std::nullopt;
}

void World::begin_input(MachineId id, const Machine* machine) {
  CONNLIB_CHECK(slot(id).machine.get() == machine);  // Killed or restarted: an old handle.
  CONNLIB_CHECK(!state(slot(id).host).is_asleep);
}

// One event or one deadline, whichever is first; at equal times what arrives goes before timers.
bool World::step(Timestamp limit) {
  const Timestamp at = std::min(queue_.next_at(), deadlines_.next_at());
  if (at > limit) return false;
  const bool is_event = queue_.next_at() <= deadlines_.next_at();
  queue_.advance_to(at);
  check_progress();
  if (is_event) {
    queue_.take()();
  } else {
    wake(MachineId(deadlines_.next_id()));
  }
  if (trace_.first_error()) fail("error-level note", *trace_.first_error());
  return true;
}

void World::check_progress() {
  if (queue_.now() > busy_since_) {
    busy_since_ = queue_.now();
    busy_steps_ = 0;
  }
  if (++busy_steps_ > kMaxStepsAtOnce) fail("world", "time stands still: machines answer at once");
}

void World::wake(MachineId id) {
  Slot& s = slot(id);
  const Wakeup wakeup = s.machine->poll_timeout();
  if (wakeup.at != s.wakeup.at) {
    fail(s.name, fmt::format("moved its deadline \"{}\" to \"{}\" without an input: use act()",
                             s.wakeup.reason, wakeup.reason));
  }
  s.machine->handle_timeout(local_now(id));
  settle(id);
}

// settle() is what a shell's pump does after any input, plus the assertions of the contract.
void World::settle(MachineId id) {
  Slot& s = slot(id);
  if (s.machine == nullptr) return;
  CONNLIB_CHECK(!state(s.host).is_asleep);  // Nobody may touch the machines of a sleeping host.
  const Timestamp now = local_now(id);
  drain(id);
  s.wakeup = s.machine->poll_timeout();
  if (s.wakeup.at <= now) {
    s.machine->handle_timeout(now);
    drain(id);
    s.wakeup = s.machine->poll_timeout();
    if (s.wakeup.at <= now) {
      fail(s.name, fmt::format("spins: wants \"{}\" again at once", s.wakeup.reason));
    }
  }
  deadlines_.set(id.value(), s.wakeup.at - state(s.host).ahead);
}

void World::drain(MachineId id) {
  Slot& s = slot(id);
  const Wakeup before = s.machine->poll_timeout();
  size_t sent = 0;
  while (auto datagram = s.machine->poll_transmit()) {
    if (sent == 0 && before.at > local_now(id)) {
      fail(s.name,
           fmt::format("has a datagram queued but asks to be woken later: \"{}\"", before.reason));
    }
    if (++sent > kMaxBurst) fail(s.name, "never stops sending");
    transmit(id, std::move(*datagram));
  }
  while (auto message = s.machine->poll_message()) post(id, std::move(*message));
}

void World::transmit(MachineId id, Datagram datagram) {
  Slot& s = slot(id);
  if (holder(s.host, port(datagram.source.port)) != id) {
    fail(s.name, "sends from a port that it does not hold: " + describe(datagram));
  }
  if (datagram.source.ip.is_unspecified()) {
    const auto chosen = network_.address(s.host, datagram.destination.ip.family());
    if (chosen) datagram.source.ip = *chosen;
  }
  trace_.record(s.name, "sends " + describe(datagram));
  ++s.stats.total.sent;
  ++s.stats.paths[{datagram.source, datagram.destination}].sent;
  if (watch_) watch_(id, datagram);
  network_.send(s.host, std::move(datagram));
}

void World::receive(HostId host, Datagram datagram) {
  if (state(host).is_asleep) {
    return network_.drop(datagram, DropReason::kHostAsleep, network_.name(host));
  }
  const auto id = holder(host, port(datagram.destination.port));
  if (!id) return network_.drop(datagram, DropReason::kNoSocket, network_.name(host));
  Slot& s = slot(*id);
  trace_.record(s.name, "receives " + describe(datagram));
  ++s.stats.total.received;
  ++s.stats.paths[{datagram.destination, datagram.source}].received;
  s.machine->handle_datagram(local_now(*id), datagram);
  settle(*id);
}

void World::post(MachineId from, Message message) {
  trace_.record(slot(from).name, "tells " + slot(message.to).name + ": " + message.text);
  const Timestamp at = signalling_.arrival(queue_.now(), from, message.to);
  queue_.schedule(at, [this, from, message = std::move(message)]() mutable {
    deliver(from, std::move(message));
  });
}

void World::deliver(MachineId from, Message message) {
  Slot& s = slot(message.to);
  if (signalling_.is_cut(from) || signalling_.is_cut(message.to) || state(s.host).is_asleep) {
    return signalling_.hold(from, std::move(message));
  }
  if (s.machine == nullptr) return trace_.record(s.name, "is gone: message lost");
  trace_.record(s.name, "hears " + message.text);
  s.machine->handle_message(local_now(message.to), from, message.text);
  settle(message.to);
}

void World::deliver_held() {
  for (auto& held : signalling_.take_held()) deliver(held.from, std::move(held.message));
}

void World::fail(const std::string& who, const std::string& what) {
  throw Failure(fmt::format("{}: {}\n{}", who, what, report()));
}

}  // namespace connlib::sim
