#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "snownet/ice/agent.h"

namespace connlib::snownet::ice::testing {

// An odd hour, never zero.
inline constexpr Timestamp kStart = Timestamp::from_nanoseconds(7'777'777'777'777);

inline SocketAddress at(std::string_view text) { return *SocketAddress::parse(text); }
inline const Credentials kCredentialsA = *Credentials::of("aaaa", "passwordpasswordpassa1");
inline const Credentials kCredentialsB = *Credentials::of("bbbb", "passwordpasswordpassb2");

inline Candidate relayed(std::string_view address) {
  const SocketAddress parsed = at(address);
  return Candidate::relayed(parsed, parsed.ip.family());
}

// End is one agent of a story, where it lives, and a record of what it reported.
struct End {
  End(std::string_view name_, uint64_t seed, AgentOptions options)
      : name(name_), random(seed), agent(std::move(options), random, null_tracer(), kStart) {}
  std::string name;
  SeededRandom random;
  IceAgent agent;
  std::map<SocketAddress, SocketAddress> nat;  // Base to public address, one to one.
  std::vector<std::pair<Timestamp, AgentEvent>> events;

  bool has_seen(IceState state) const {
    for (const auto& [when, event] : events) {
      if (event == AgentEvent(StateChanged{state})) return true;
    }
    return false;
  }
  // When `state` was last reported; never() if it was not.
  Timestamp last_seen(IceState state) const {
    Timestamp last = Timestamp::never();
    for (const auto& [when, event] : events) {
      if (event == AgentEvent(StateChanged{state})) last = when;
    }
    return last;
  }
};

// A datagram on its way, for a test's wire to keep, change or drop.
struct InFlight {
  Timestamp arrives;
  End* to;
  Path path;  // As the receiver sees it.
  std::vector<uint8_t> bytes;

  stun::MessageClass cls() const { return stun::parse_header(bytes)->type.cls; }
  bool use_candidate() const {
    const auto parsed = stun::parse_message(bytes);
    return std::get<stun::Message>(parsed).use_candidate();
  }
};

// TwoAgents is a controlling agent `a` and a controlled one `b` on a virtual clock, a wire and a
// signalling channel between them. It fails the test when an agent breaks the contract of
// poll_timeout().
class TwoAgents {
 public:
  explicit TwoAgents(Timing timing_a = kClientDefaultTiming, Timing timing_b = kServerDefaultTiming,
                     uint64_t seed = 1)
      : a("a", seed * 2, {Role::kControlling, kCredentialsA, kCredentialsB, timing_a}),
        b("b", seed * 2 + 1, {Role::kControlled, kCredentialsB, kCredentialsA, timing_b}),
        now(kStart) {}

  End& other(const End& end) { return &end == &a ? b : a; }

  // add() gives `end` a candidate without telling the peer.
  std::optional<Candidate> add(End& end, const Candidate& candidate) {
    return end.agent.add_local_candidate(candidate, now);
  }
  // offer() also signals it, as text.
  void offer(End& end, const Candidate& candidate) {
    if (const auto added = add(end, candidate)) signal(end, *added);
  }
  void signal(End& from, const Candidate& candidate) {
    signals_.push_back(
        {now + signal_latency, &other(from), to_text(candidate, ufrag(from)), false});
  }
  void revoke(End& end, const Candidate& candidate) {
    end.agent.invalidate_local_candidate(candidate, now);
    signals_.push_back({now + signal_latency, &other(end), to_text(candidate, ufrag(end)), true});
  }

  // connect_hosts() is the simplest story: one address each.
  void connect_hosts() {
    offer(a, Candidate::host(at("192.0.2.1:1000")));
    offer(b, Candidate::host(at("192.0.2.2:2000")));
    run_for(1s);
  }

  void run_until(Timestamp end) {
    for (;;) {
      drain(a);
      drain(b);
      Timestamp next = std::min(a.agent.poll_timeout().at, b.agent.poll_timeout().at);
      for (const InFlight& flight : wire_) next = std::min(next, flight.arrives);
      for (const Signal& signal : signals_) next = std::min(next, signal.arrives);
      if (next > end) break;
      now = std::max(now, next);
      step(a);
      step(b);
      deliver();
    }
    now = std::max(now, end);
  }
  void run_for(Duration span) { run_until(now + span); }

  // Hands `bytes` to `end` at once, as if they had arrived on `path`.
  std::optional<IceDrop> inject(End& end, const Path& path, std::span<const uint8_t> bytes) {
    return end.agent.handle_datagram(now, path, bytes);
  }

  size_t requests_from(const End& end) const {
    size_t count = 0;
    for (const Sent& each : sent) count += each.from == &end && each.is_request ? 1 : 0;
    return count;
  }

  struct Sent {
    Timestamp when;
    const End* from;
    Path path;
    bool is_request;
    bool use_candidate;
    std::vector<uint8_t> bytes;
  };

  End a;
  End b;
  Timestamp now;
  Duration latency = 10ms;
  Duration signal_latency = 30ms;
  std::function<bool(InFlight&)> filter;  // False drops.
  std::vector<Sent> sent;

 private:
  struct Signal {
    Timestamp arrives;
    End* to;
    std::string text;
    bool is_removal;
  };

  static std::string ufrag(const End& end) { return end.agent.local_credentials().ufrag(); }

  void step(End& end) {
    const Wakeup before = end.agent.poll_timeout();
    if (before.at > now) return;
    end.agent.handle_timeout(now);
    drain(end);
    if (end.agent.poll_timeout().at <= now) {
      FAIL("spin: " << end.agent.poll_timeout().reason);
    }
  }

  void drain(End& end) {
    while (const auto event = end.agent.poll_event()) end.events.emplace_back(now, *event);
    while (const auto out = end.agent.poll_transmit()) launch(end, *out);
  }

  void launch(End& from, const Transmit& out) {
    const auto bytes = out.message.bytes();
    const auto parsed = stun::parse_message(bytes);
    const auto& message = std::get<stun::Message>(parsed);
    sent.push_back({now,
                    &from,
                    out.path,
                    message.cls() == stun::MessageClass::kRequest,
                    message.use_candidate(),
                    {bytes.begin(), bytes.end()}});
    const auto translated = from.nat.find(out.path.local);
    const SocketAddress source = translated == from.nat.end() ? out.path.local : translated->second;
    End& to = other(from);
    const auto base = base_behind(to, out.path.remote);
    if (!base) return;
    InFlight flight{now + latency, &to, {*base, source}, {bytes.begin(), bytes.end()}};
    if (!filter || filter(flight)) wire_.push_back(std::move(flight));
  }

  static std::optional<SocketAddress> base_behind(const End& end, const SocketAddress& address) {
    for (const auto& [base, outside] : end.nat) {
      if (outside == address) return base;
      if (base == address) return std::nullopt;  // Not reachable from outside.
    }
    return address;
  }

  void deliver() {
    for (auto it = wire_.begin(); it != wire_.end();) {
      if (it->arrives > now) {
        ++it;
        continue;
      }
      const InFlight flight = std::move(*it);
      it = wire_.erase(it);
      flight.to->agent.handle_datagram(now, flight.path, flight.bytes);
    }
    for (auto it = signals_.begin(); it != signals_.end();) {
      if (it->arrives > now) {
        ++it;
        continue;
      }
      const auto parsed = parse_candidate(it->text).value();
      if (it->is_removal) {
        it->to->agent.invalidate_remote_candidate(parsed.candidate, now);
      } else {
        it->to->agent.add_remote_candidate(parsed, now);
      }
      it = signals_.erase(it);
    }
  }

  std::deque<InFlight> wire_;
  std::deque<Signal> signals_;
};

}  // namespace connlib::snownet::ice::testing
