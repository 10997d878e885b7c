// S52: a gateway with a thousand clients that have nothing to say.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include <fmt/format.h>

#include "snownet/stun/channel_data.h"
#include "snownet/stun/message.h"
#include "tests/scenarios/stories/endings.h"
#include "tests/scenarios/stories/themes.h"

namespace connlib::scenarios {
namespace {

namespace stun = snownet::stun;

constexpr size_t kClients = CONNLIB_CROWD;  // 1000; fewer under sanitizers.
constexpr Duration kApart = 15ms;     // Between two that connect: the gateway lets 100 in a second.
constexpr Duration kIdleCheck = 25s;  // snownet §3.6
constexpr Duration kWatched = 2 * kIdleCheck;

// CheckCounter counts the checks of each pair, as it shows on the wire: who sends them, where to,
// and in which channel.
class CheckCounter {
 public:
  using Pair = std::tuple<sim::MachineId, SocketAddress, uint16_t>;

  void note(Timestamp now, sim::MachineId from, const sim::Datagram& datagram) {
    ++datagrams_[from];
    std::span<const uint8_t> message = datagram.bytes;
    uint16_t channel = 0;
    if (const auto framed = stun::parse_channel_data(message)) {
      channel = framed->channel.value();
      message = framed->payload;
    }
    const auto parsed = stun::parse_message(message);
    const auto* request = std::get_if<stun::Message>(&parsed);
    if (request == nullptr || request->cls() != stun::MessageClass::kRequest) return;
    if (request->method() != stun::Method::kBinding || !request->username()) return;
    ++checks_[from];
    const auto [at, is_new] = last_.try_emplace({from, datagram.destination, channel}, now);
    if (is_new) return;
    shortest_ = std::min(shortest_, now - at->second);
    at->second = now;
  }

  // The shortest time between two checks of one pair.
  Duration shortest() const { return shortest_; }
  size_t pairs(sim::MachineId from) const {
    return static_cast<size_t>(std::count_if(last_.begin(), last_.end(), [&](const auto& each) {
      return std::get<0>(each.first) == from;
    }));
  }
  uint64_t checks(sim::MachineId from) const { return at(checks_, from); }
  uint64_t datagrams(sim::MachineId from) const { return at(datagrams_, from); }

 private:
  using Counts = std::map<sim::MachineId, uint64_t>;
  static uint64_t at(const Counts& counts, sim::MachineId id) {
    const auto found = counts.find(id);
    return found == counts.end() ? 0 : found->second;
  }

  std::map<Pair, Timestamp> last_;
  Counts checks_;
  Counts datagrams_;
  Duration shortest_ = Duration::max();
};

// The clients are no parties: what the invariants look for, they look for among all of them.
std::vector<sim::Handle<NodePeer>> add_crowd(Deployment& d) {
  std::vector<sim::Handle<NodePeer>> crowd;
  for (size_t i = 0; i < kClients; ++i) {
    const std::string name = fmt::format("client {}", i + 1);
    const sim::HostId host =
        d.world.add_host(name, {.families = sim::Families::kV4Only, .link = {.latency = 20ms}});
    NodePeerOptions options{.id = name, .side = Side::kClient, .portal = d.portal.id};
    crowd.push_back(d.world.emplace<NodePeer>(host, name, {sim::port(options.port)}, options,
                                              d.world.fork_random(), d.world.tracer(name),
                                              d.world.now()));
    d.world.act(crowd.back(), [](NodePeer& peer, Timestamp now) { peer.connect_to_portal(now); });
    d.world.run_for(kApart);
  }
  return crowd;
}

// Without IPv6, which nobody else here has: most pairs would be about it.
sim::VirtualRelay add_relay(Deployment& d) {
  sim::RelayConfig config{.name = "relay 1"};
  config.interface.families = sim::Families::kV4Only;
  sim::VirtualRelay relay = sim::add_relay(d.world, config);
  d.world.act(d.portal, [&](ScriptedPortal& portal, Timestamp now) {
    portal.list_relay(now, relay.name, relay);
  });
  return relay;
}

size_t count_idle(const Deployment& d) {
  size_t count = 0;
  for (uint64_t id = 1; id <= kClients + 1; ++id) {
    const auto state = d.gateway()->node().state(snownet::node::PeerId(id));
    if (state == snownet::node::ConnectionState::kIdle) ++count;
  }
  return count;
}

void tell_s52(Telling& t) {
  Deployment d(t, {.client = kOpenV4, .gateway = kOpenV4, .relays = 0});
  const sim::VirtualRelay relay = add_relay(d);
  CheckCounter counter;
  bool is_counting = false;
  d.world.on_transmit([&](sim::MachineId from, const sim::Datagram& datagram) {
    // What a relay passes on is counted where it comes from.
    if (is_counting && from != relay.machine.id) counter.note(d.world.now(), from, datagram);
  });
  d.warm_up();
  const auto crowd = add_crowd(d);
  d.warm_up();
  for (const auto& client : crowd) {
    d.world.act(client, [](NodePeer& peer, Timestamp now) { peer.send(now, "hello"); });
    d.world.run_for(kApart);
  }
  d.world.run_for(10s);
  t.require(d.gateway()->inbox().size() == kClients, "all clients are connected");
  d.world.run_for(60s);
  t.require(count_idle(d) == kClients, fmt::format("{} connections are idle", count_idle(d)));
  is_counting = true;
  d.world.run_for(kWatched);
  is_counting = false;
  const sim::MachineId gateway = d.gateway().peer.id;
  const size_t pairs = counter.pairs(gateway);
  t.expect(pairs >= kClients, fmt::format("every connection is checked ({} pairs)", pairs));
  t.expect(counter.shortest() >= kIdleCheck,
           fmt::format("a pair is checked every 25 s at most ({})", to_text(counter.shortest())));
  t.expect(counter.checks(gateway) <= pairs * (kWatched / kIdleCheck),
           fmt::format("{} checks of {} pairs", counter.checks(gateway), pairs));
  // Each check of its own, an answer to each of theirs, and a few words with its relay.
  t.expect(counter.datagrams(gateway) <= 2 * counter.checks(gateway) + kClients,
           fmt::format("{} datagrams", counter.datagrams(gateway)));
  // And all of them are there when they are wanted.
  for (size_t i = 0; i < kClients; i += 100) {
    d.world.act(crowd[i], [](NodePeer& peer, Timestamp now) { peer.send(now, "still there?"); });
  }
  d.world.run_for(1s);
  t.expect(d.gateway()->inbox().size() == kClients + kClients / 100, "and it works");
}

}  // namespace

std::vector<Story> crowd_stories() {
  return {{.id = "S52",
           .title = "a thousand idle connections are checked every 25 seconds, and no more",
           .expected = "one check per pair and 25 s",
           .bound = 0s,
           .tell = tell_s52,
           .seeds_divided_by = 100}};
}

}  // namespace connlib::scenarios
