#include "tests/sim/world.h"

#include <functional>

#include <catch2/catch.hpp>

#include "tests/sim/test_machines.h"

namespace connlib::sim {
namespace {

constexpr uint16_t kPort = 5000;

// Ticker counts its own deadlines, one every `period`, and sends one datagram each.
class Ticker final : public Outbox {
 public:
  Ticker(Duration period, SocketAddress to, SeededRandom random)
      : period_(period), to_(to), random_(random) {}
  void handle_timeout(Timestamp now) override {
    clamp(now);
    if (now < next_) return;
    calls.push_back(now);
    const auto payload = random_.bytes<8>();
    queue({{Ipv4Address{}, kPort}, to_, {payload.begin(), payload.end()}, {}});
    next_ = now + period_;
  }
  Wakeup poll_timeout() const override {
    return earliest(Outbox::poll_timeout(), Wakeup{next_, "tick"});
  }
  std::vector<Timestamp> calls;

 private:
  Duration period_;
  SocketAddress to_;
  SeededRandom random_;
  Timestamp next_;
};

// Liar breaks the contract in the way a test asks for.
class Liar final : public Machine {
 public:
  enum class Lie { kSpins, kQueuesInSilence, kForeignPort, kMovesDeadline };
  explicit Liar(Lie lie) : lie_(lie) {}

  void handle_datagram(Timestamp /*now*/, Datagram& /*datagram*/) override {}
  void handle_timeout(Timestamp now) override {
    last_now_ = now;
    has_output_ = lie_ == Lie::kForeignPort && !std::exchange(was_called_, true);
  }
  std::optional<Datagram> poll_transmit() override {
    const bool sends = lie_ == Lie::kQueuesInSilence || has_output_;
    has_output_ = false;
    if (!sends) return std::nullopt;
    return Datagram{{Ipv4Address{}, 9}, {Ipv4Address{{203, 0, 113, 1}}, 9}, {}, {}};
  }
  Wakeup poll_timeout() const override {
    switch (lie_) {
      case Lie::kSpins:
        return {last_now_, "busy"};
      case Lie::kQueuesInSilence:
        return {Timestamp::never(), "asleep at the wheel"};
      case Lie::kForeignPort:
        return was_called_ && !has_output_ ? Wakeup::none() : Wakeup{last_now_, "queued output"};
      case Lie::kMovesDeadline:
        return {deadline, "movable"};
    }
    return Wakeup::none();
  }
  Timestamp deadline = Timestamp::never();

 private:
  Lie lie_;
  Timestamp last_now_;
  bool has_output_ = false;
  bool was_called_ = false;
};

SocketAddress v4_of(World& world, HostId host) {
  return {*world.network().address(host, IpFamily::kV4), kPort};
}

// A noisy quarter of a minute: everything that draws randomness takes part.
uint64_t noisy_run(uint64_t seed, std::string* text = nullptr) {
  World world{ExactSeed{seed}};
  world.set_signalling({.jitter = 30ms});
  const LinkConditions bad{.latency = 10ms,
                           .jitter = 20ms,
                           .loss_percent = 10,
                           .duplicate_percent = 5,
                           .reorder_percent = 5};
  const SiteId site = world.add_site({.name = "site", .nat = kSymmetric, .link = bad});
  const HostId inside = world.add_host("inside", {.site = site});
  const HostId server = world.add_host("server");
  world.emplace<Mirror>(server, "mirror", {port(kPort)});
  world.emplace<Ticker>(inside, "ticker", {port(kPort)}, 10ms, v4_of(world, server),
                        world.fork_random());
  world.after(5s, [&] { world.network().nat(site).reboot(); });
  world.run_for(15s);
  if (text != nullptr) *text = world.trace().tail(Trace::kMaxLines);
  return world.trace().hash();
}

}  // namespace

TEST_CASE("equal seeds give equal runs, line by line; another seed another run") {
  std::string first;
  std::string second;
  CHECK(noisy_run(1, &first) == noisy_run(1, &second));
  CHECK(first == second);
  CHECK(first.size() > 100'000);
  CHECK(noisy_run(1) != noisy_run(2));
}

TEST_CASE("CONNLIB_SEED replaces the seed of a world") {
  const char* before = std::getenv("CONNLIB_SEED");
  const std::string saved = before != nullptr ? before : "";
  setenv("CONNLIB_SEED", "4711", 1);
  CHECK(World(1).seed() == 4711);
  CHECK(World(ExactSeed{1}).seed() == 1);
  unsetenv("CONNLIB_SEED");
  CHECK(World(1).seed() == 1);
  if (before != nullptr) setenv("CONNLIB_SEED", saved.c_str(), 1);
}

TEST_CASE("a machine is called exactly at its deadlines") {
  World world(1);
  const HostId host = world.add_host("host");
  const HostId server = world.add_host("server");
  const Timestamp start = world.now();
  const auto ticker = world.emplace<Ticker>(host, "ticker", {port(kPort)}, 100ms,
                                            v4_of(world, server), world.fork_random());
  world.run_for(1s);
  REQUIRE(ticker->calls.size() == 11);
  for (size_t i = 0; i < ticker->calls.size(); ++i) {
    CHECK(ticker->calls[i] == start + 100ms * static_cast<int64_t>(i));
  }
  CHECK(world.now() == start + 1s);
}

TEST_CASE("a machine that breaks the contract fails the run by name") {
  using Lie = Liar::Lie;
  const auto [lie, complaint] = GENERATE(table<Lie, const char*>({
      {Lie::kSpins, "liar: spins: wants \"busy\" again at once"},
      {Lie::kQueuesInSilence, "liar: has a datagram queued but asks to be woken later"},
      {Lie::kForeignPort, "liar: sends from a port that it does not hold"},
  }));
  World world(77);
  const HostId host = world.add_host("host");
  CHECK_THROWS_WITH(world.emplace<Liar>(host, "liar", {port(kPort)}, lie),
                    Catch::Contains(complaint) && Catch::Contains("CONNLIB_SEED="));
}

TEST_CASE("a deadline that moves without an input fails the run") {
  World world(1);
  const HostId host = world.add_host("host");
  const auto liar = world.emplace<Liar>(host, "liar", {port(kPort)}, Liar::Lie::kMovesDeadline);
  world.act(liar, [](Liar& m, Timestamp now) { m.deadline = now + 1s; });
  liar->deadline += 1s;
  CHECK_THROWS_WITH(world.run_for(5s), Catch::Contains("moved its deadline"));
}

TEST_CASE("two machines that answer each other at once are stopped") {
  World world(1);
  const LinkConditions instant{.latency = 0ms};
  const HostId a = world.add_host("a", {.link = instant});
  const HostId b = world.add_host("b", {.link = instant});
  world.emplace<Mirror>(a, "a", {port(kPort)});
  world.emplace<Mirror>(b, "b", {port(kPort)});
  world.network().inject({v4_of(world, a), v4_of(world, b), bytes_of("?"), Ecn::kNotEct});
  CHECK_THROWS_WITH(world.run_for(1s), Catch::Contains("time stands still"));
}

TEST_CASE("an error-level note fails the run, a warning does not") {
  World world(1);
  Tracer& tracer = world.tracer("machine");
  world.after(1s, [&] { tracer.trace(TraceLevel::kWarn, "test", "odd", {{"count", 3}}); });
  world.run_for(2s);
  CHECK(world.trace().lines().back() == "    1.000000000 machine note warn test: odd count=3");
  world.after(1s, [&] { tracer.trace(TraceLevel::kError, "test", "broken"); });
  CHECK_THROWS_WITH(world.run_for(2s), Catch::Contains("broken"));
}

TEST_CASE("a sleeping host hears nothing, and catches up once when it wakes") {
  World world(1);
  const HostId laptop = world.add_host("laptop");
  const HostId server = world.add_host("server");
  const auto ticker = world.emplace<Ticker>(laptop, "ticker", {port(kPort)}, 1s,
                                            v4_of(world, server), world.fork_random());
  const auto puppet = world.emplace<Puppet>(server, "server", {port(kPort)});
  world.run_for(10s);
  const size_t before = ticker->calls.size();
  world.suspend(laptop);
  world.run_for(5min);
  world.act(puppet,
            [&](Puppet& m, Timestamp now) { m.send(kPort, v4_of(world, laptop), "?", now); });
  world.run_for(5min);
  CHECK(ticker->calls.size() == before);
  CHECK(world.network().drops(DropReason::kHostAsleep) == 1);
  world.resume(laptop);
  CHECK(ticker->calls.size() == before + 1);
  CHECK(ticker->calls.back() == world.now());
  world.run_for(10s);
  CHECK(ticker->calls.size() == before + 11);
}

TEST_CASE("a clock that jumps is seen by the machines of that host only") {
  World world(1);
  const HostId a = world.add_host("a");
  const HostId b = world.add_host("b");
  const auto first =
      world.emplace<Ticker>(a, "a", {port(kPort)}, 10s, v4_of(world, b), world.fork_random());
  const auto second =
      world.emplace<Ticker>(b, "b", {port(kPort)}, 10s, v4_of(world, a), world.fork_random());
  world.run_for(1s);
  world.jump_clock(a, 1h);
  CHECK(first->calls.size() == 2);
  CHECK(first->calls.back() == world.now() + 1h);
  CHECK(second->calls.size() == 1);
  world.run_for(10s);
  CHECK(first->calls.size() == 3);
  CHECK(second->calls.size() == 2);
}

TEST_CASE("a killed machine's port is closed, a restarted one answers again") {
  World world(1);
  const HostId a = world.add_host("a");
  const HostId b = world.add_host("b");
  const auto mirror = world.emplace<Mirror>(b, "mirror", {port(kPort)});
  const auto puppet = world.emplace<Puppet>(a, "puppet", {port(kPort)});
  const auto ask = [&] {
    world.act(puppet, [&](Puppet& m, Timestamp now) { m.send(kPort, v4_of(world, b), "?", now); });
    world.run_for(1s);
  };
  ask();
  CHECK(puppet->inbox.size() == 1);
  world.kill(mirror.id);
  ask();
  CHECK(puppet->inbox.size() == 1);
  CHECK(world.network().drops(DropReason::kNoSocket) == 1);
  world.restart(mirror.id, std::make_unique<Mirror>());
  ask();
  CHECK(puppet->inbox.size() == 2);
}

TEST_CASE("traffic is counted by machine and path") {
  World world(1);
  const HostId a = world.add_host("a");
  const HostId b = world.add_host("b");
  const auto mirror = world.emplace<Mirror>(b, "mirror", {port(kPort)});
  const auto puppet = world.emplace<Puppet>(a, "puppet", {{5000, 5001}});
  size_t watched = 0;
  world.on_transmit(
      [&](MachineId id, const Datagram&) { watched += id == puppet.id ? size_t{1} : 0; });
  world.act(puppet, [&](Puppet& m, Timestamp now) {
    m.send(5000, v4_of(world, b), "1", now);
    m.send(5001, v4_of(world, b), "2", now);
    m.send(5001, v4_of(world, b), "3", now);
  });
  world.run_for(1s);
  CHECK(watched == 3);
  CHECK(world.stats(puppet.id).total.sent == 3);
  CHECK(world.stats(mirror.id).total.received == 3);
  CHECK(world.stats(mirror.id).total.sent == 3);
  const auto& paths = world.stats(puppet.id).paths;
  REQUIRE(paths.size() == 2);
  const SocketAddress any{Ipv4Address{}, 5001};
  const SocketAddress local{v4_of(world, a).ip, 5001};
  CHECK_FALSE(paths.contains({any, v4_of(world, b)}));
  CHECK(paths.at({local, v4_of(world, b)}).sent == 2);
  CHECK(paths.at({local, v4_of(world, b)}).received == 2);
}

TEST_CASE("messages arrive in order, wait for who is cut off, and are lost on the dead") {
  class Teller final : public Outbox {
   public:
    std::optional<Message> poll_message() override {
      if (messages.empty()) return std::nullopt;
      Message next = std::move(messages.front());
      messages.pop_front();
      return next;
    }
    std::deque<Message> messages;
  };
  World world(1);
  world.set_signalling({.latency = 40ms, .jitter = 100ms});
  const HostId a = world.add_host("a");
  const HostId b = world.add_host("b");
  const auto teller = world.emplace<Teller>(a, "teller", {});
  const auto listener = world.emplace<Puppet>(b, "listener", {port(kPort)});
  const auto tell = [&](std::string text) {
    world.act(teller, [&](Teller& m, Timestamp) { m.messages.push_back({listener.id, text}); });
  };
  for (const char* text : {"1", "2", "3", "4", "5", "6"}) tell(text);
  world.run_for(39ms);
  CHECK(listener->messages.empty());
  world.run_for(101ms);
  CHECK(listener->messages == std::vector<std::string>{"1", "2", "3", "4", "5", "6"});

  world.cut_signalling(listener.id);
  tell("7");
  world.run_for(1s);
  tell("8");
  CHECK(listener->messages.size() == 6);
  world.mend_signalling(listener.id);
  world.run_for(1s);
  CHECK(listener->messages.size() == 8);
  CHECK(listener->messages.back() == "8");

  world.kill(listener.id);
  tell("9");
  world.run_for(1s);
  CHECK(world.trace().lines().back().find("message lost") != std::string::npos);
}

TEST_CASE("what arrives at the instant of a deadline goes before it") {
  class Recorder final : public Outbox {
   public:
    void handle_datagram(Timestamp now, Datagram& /*datagram*/) override { note(now, "datagram"); }
    void handle_timeout(Timestamp now) override {
      note(now, "timeout");
      deadline = Timestamp::never();
    }
    Wakeup poll_timeout() const override { return {deadline, "the only one"}; }
    void note(Timestamp now, const char* what) { calls.push_back({now, what}); }
    std::vector<std::pair<Timestamp, std::string>> calls;
    Timestamp deadline = Timestamp::never();
  };
  World world(1);
  const Timestamp start = world.now();
  const HostId host = world.add_host("host", {.link = {.latency = 10ms}});
  const auto recorder = world.emplace<Recorder>(host, "recorder", {port(kPort)});
  world.act(recorder, [&](Recorder& m, Timestamp now) { m.deadline = now + 10ms; });
  world.network().inject({v4_of(world, host), v4_of(world, host), bytes_of("!"), Ecn::kNotEct});
  world.run_for(1s);
  CHECK(recorder->calls == std::vector<std::pair<Timestamp, std::string>>{
                               {start + 10ms, "datagram"}, {start + 10ms, "timeout"}});
}

TEST_CASE("the trace tells what was sent, received and dropped, and why") {
  World world(1);
  const HostId a = world.add_host("a");
  const HostId b = world.add_host("b", {.link = {.latency = 7ms}});
  world.emplace<Puppet>(b, "receiver", {port(kPort)});
  const auto sender = world.emplace<Puppet>(a, "sender", {port(kPort)});
  world.act(sender, [&](Puppet& m, Timestamp now) {
    m.send(kPort, v4_of(world, b), "hello", now);
    m.send(kPort, {v4_of(world, b).ip, 9}, "hello", now);
  });
  world.run_for(1s);
  const auto& lines = world.trace().lines();
  REQUIRE(lines.size() == 4);
  CHECK(lines[0] == "    0.000000000 sender sends 203.0.113.1:5000>203.0.113.2:5000 5B #80aabd0b");
  CHECK(lines[2] ==
        "    0.012000000 receiver receives 203.0.113.1:5000>203.0.113.2:5000 5B #80aabd0b");
  CHECK(lines[3] ==
        "    0.012000000 b drop no socket: 203.0.113.1:5000>203.0.113.2:9 5B #80aabd0b");
}

TEST_CASE("run_until stops at the event that fulfils it, or at its limit") {
  World world(1);
  const Timestamp start = world.now();
  bool happened = false;
  world.after(3s, [&] { happened = true; });
  CHECK_FALSE(world.run_until([&] { return happened; }, 2s));
  CHECK(world.now() == start + 2s);
  CHECK(world.run_until([&] { return happened; }, 5s));
  CHECK(world.now() == start + 3s);
}

}  // namespace connlib::sim
