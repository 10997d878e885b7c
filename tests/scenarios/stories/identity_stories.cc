// S51, S54, S55: who somebody is. Neither the address and port that a datagram comes from, nor a
// port that is famous, nor one more authorization makes another peer of it.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "tests/scenarios/stories/endings.h"
#include "tests/scenarios/stories/themes.h"

namespace connlib::scenarios {
namespace {

using snownet::node::Drop;

void run_until_known(Deployment& d, Party& party, Duration limit, Happening what, size_t count) {
  (void)d.world.run_until([&] { return party->history().count(what) >= count; }, limit);
}

// --- S51

constexpr size_t kTexts = 20;

// Two clients that the Internet sees at one address and port, one after the other.
class SharedTuple {
 public:
  explicit SharedTuple(Telling& t)
      : t_(t), d(t, {.client = kPortRestricted, .gateway = kOpenV4}), site_(*d.client().edge.site) {
    d.connect();
    t_.require(d.path_kind() == PathKind::kDirect, "the first client is connected directly");
    tuple_ = d.gateway()->agent_to("client")->selected()->remote;
  }

  // The second client comes to the place that the first has left.
  void bring_second() {
    d.world.run_for(1s);  // What is still on its way out would take the port again.
    d.world.network().nat(site_).reboot();
    second_ = &d.add_party(Side::kClient, "client 2", kPortRestricted, d.weather.client);
    const sim::LinkConditions cable{.latency = d.weather.client};
    d.world.network().move(second_->edge.host,
                           {.site = site_, .families = sim::Families::kV4Only, .link = cable});
    d.warm_up();
    d.world.act(second_->peer, [](NodePeer& peer, Timestamp now) { peer.start_echo(now, 100ms); });
    const Timestamp since = d.world.now();
    const auto is_answered = [&] { return !second()->echo().first_answer(since).is_never(); };
    (void)d.world.run_until(is_answered, 3 * t_.bound());
    t_.within("echo of the second", second()->echo().first_answer(since) - since);
    d.world.run_for(2s);
    const auto* agent = d.gateway()->agent_to("client 2");
    t_.require(agent != nullptr && agent->selected() && agent->selected()->remote == tuple_,
               "the second client has the tuple that was the first one's");
  }

  // The gateway talks to both, and whoever is there talks to it.
  void talk(bool is_first_there) {
    for (size_t i = 0; i < kTexts; ++i) {
      offer("client", "for the first");
      offer("client 2", "for the second");
      say(*second_, "from the second");
      if (is_first_there) say(d.client(), "from the first");
      d.world.run_for(50ms);
    }
    d.world.run_for(1s);
  }

  const NodePeer* second() const { return second_->peer.machine; }

 private:
  void offer(const std::string& to, std::string_view text) {
    d.world.act(d.gateway().peer,
                [&](NodePeer& peer, Timestamp now) { (void)peer.offer(now, to, text); });
  }
  void say(Party& party, std::string_view text) {
    d.world.act(party.peer, [&](NodePeer& peer, Timestamp now) { peer.send(now, text); });
  }

  Telling& t_;

 public:
  Deployment d;

 private:
  sim::SiteId site_;
  SocketAddress tuple_;
  Party* second_ = nullptr;
};

// All that `at` was told by `from`, and that it was told `count` times by it and nobody else.
void expect_told(Telling& t, const NodePeer& at, const std::string& from, const std::string& text,
                 size_t count) {
  const auto& inbox = at.inbox();
  const auto is_it = [&](const auto& each) { return each.second == text; };
  const auto is_mistaken = [&](const auto& each) { return is_it(each) != (each.first == from); };
  const auto got = static_cast<size_t>(std::count_if(inbox.begin(), inbox.end(), is_it));
  t.expect(got == count, fmt::format("\"{}\" arrives {} times of {}", text, got, count));
  t.expect(std::none_of(inbox.begin(), inbox.end(), is_mistaken),
           fmt::format("\"{}\" is of {}, and all it says", text, from));
}

// What a node dropped because it is of no session or agent of its own.
uint64_t strangers(const NodePeer& peer) {
  const auto& drops = peer.node().drops();
  return drops[static_cast<size_t>(Drop::kUnknownSession)] +
         drops[static_cast<size_t>(Drop::kUnknownCheck)];
}

void tell_s51(Telling& t) {
  const bool returns = t.variant() == 1;
  SharedTuple shared(t);
  Deployment& d = shared.d;
  if (returns) {  // Elsewhere, and for a while it cannot tell anybody.
    d.cut_portal(d.client());
    d.client().edge =
        move_to(d.world, kPortRestricted, d.client().edge.host, {.latency = d.client().latency});
    d.world.act(d.client().peer, [](NodePeer& peer, Timestamp now) { peer.reset_network(now); });
  } else {
    d.kill(d.client());
  }
  shared.bring_second();
  const Timestamp since = d.world.now();
  shared.talk(false);
  t.expect(strangers(*shared.second()) > 0, "what is for the first one reaches the second");
  expect_told(t, *shared.second(), "gateway", "for the second", kTexts);
  expect_told(t, *d.gateway().peer, "client 2", "from the second", kTexts);
  if (returns) {
    d.mend_portal(d.client());
    expect_echo_within(t, d, d.world.now() + d.weather.portal, t.bound());
    shared.talk(true);
    expect_told(t, *d.client().peer, "gateway", "for the first", kTexts);
    expect_told(t, *shared.second(), "gateway", "for the second", 2 * kTexts);
    const auto& inbox = d.gateway()->inbox();
    const auto is_of = [&](const char* peer, const char* text) {
      return std::count(inbox.begin(), inbox.end(),
                        std::pair<std::string, std::string>(peer, text));
    };
    t.expect(is_of("client", "from the first") == kTexts &&
                 is_of("client 2", "from the second") == 2 * kTexts && inbox.size() == 3 * kTexts,
             "the gateway tells the two apart");
    expect_lasting(t, d);
    return;
  }
  // The second one's answers, from the same tuple, do not keep the first one's half alive: 15 s
  // after the first unanswered packet the gateway begins a handshake, and tries for 20 s.
  run_to_failure(d, d.gateway(), since, 60s);
  expect_failed_within(t, d.gateway(), since, 36s);
  t.expect(!d.gateway()->agent_to("client"), "it is the first one's half that fails");
  d.world.run_for(60s);
  const Duration silence = shared.second()->echo().longest_silence(since, d.world.now());
  t.expect(silence < 2s,
           fmt::format("the second one is served all the time ({} without)", to_text(silence)));
  d.invariants.check_rest();
}

// --- S54

constexpr uint16_t kStunPort = 3478;
constexpr uint16_t kStunTlsPort = 5349;

struct Ports {
  const char* name = "";
  Edge client = kPortRestricted;
  uint16_t client_port = 52625;
  uint16_t gateway_port = 52625;
  uint16_t relay_port = kStunTlsPort;
};
constexpr std::array kPorts = {
    Ports{.name = "the client on 3478", .client_port = kStunPort},
    Ports{.name = "the gateway on 3478", .gateway_port = kStunPort},
    Ports{.name = "the gateway on 3478, relayed", .client = kSymmetric, .gateway_port = kStunPort},
    Ports{.name = "everybody on 3478",
          .client_port = kStunPort,
          .gateway_port = kStunPort,
          .relay_port = kStunPort}};

// NATs that keep ports make the inner port the one that everybody sees.
void expect_seen_on(Telling& t, const Party& at, const Party& of, uint16_t port) {
  const auto* agent = at->agent_to(of.id());
  t.expect(agent != nullptr && agent->selected() && agent->selected()->remote.port == port,
           fmt::format("{} sees {} on port {}", at.id(), of.id(), port));
}

void tell_s54(Telling& t) {
  const Ports& ports = kPorts.at(t.variant());
  const bool is_relayed = ports.client.is_symmetric();
  Deployment d(t, {.client = ports.client,
                   .gateway = kPortRestricted,
                   .client_port = ports.client_port,
                   .gateway_port = ports.gateway_port,
                   .relay_port = ports.relay_port});
  d.start();
  expect_path(t, d, is_relayed ? PathKind::kRelayed : PathKind::kDirect);
  expect_seen_on(t, d.client(), d.gateway(), ports.gateway_port);
  if (!is_relayed) expect_seen_on(t, d.gateway(), d.client(), ports.client_port);
  for (const Party* party : {&d.client(), &d.gateway()}) {
    const auto relays = (*party)->node().relays();
    const auto is_used = [&](const auto& relay) {
      const auto& socket = relay.allocation->active_socket();
      return relay.allocation->is_allocated() && socket && socket->port == ports.relay_port;
    };
    t.expect(std::all_of(relays.begin(), relays.end(), is_used),
             fmt::format("{} has its relays on port {}", party->id(), ports.relay_port));
  }
  expect_lasting(t, d);
}

// --- S55

void ask(Deployment& d) {
  d.world.act(d.client().peer, [](NodePeer& peer, Timestamp now) { peer.ask_portal(now); });
}

void renew_keys(Deployment& d) {
  d.world.act(d.portal, [](ScriptedPortal& portal, Timestamp) { portal.renew_preshared_keys(); });
}

void expect_one_connection(Telling& t, Deployment& d, size_t created, size_t reused) {
  for (const Party* party : {&d.client(), &d.gateway()}) {
    const History& history = (*party)->history();
    t.expect((*party)->node().connection_count() == 1, party->id() + " has one connection");
    t.expect(history.count(Happening::kCreated) == created,
             fmt::format("{} has begun {} times", party->id(), created));
    t.expect(history.count(Happening::kReused) == reused,
             fmt::format("{} has found it again {} times", party->id(), reused));
    t.expect(history.count(Happening::kFailed) == 0, party->id() + " fails never");
  }
}

void tell_twice_connecting(Telling& t) {
  Deployment d(t, {.client = kOpen, .gateway = kOpen});
  d.start();
  d.world.run_for(100ms);
  ask(d);
  expect_echo_within(t, d, d.started_at(), t.bound());
  d.world.run_for(5s);
  expect_one_connection(t, d, 1, 1);
  t.expect(d.invariants.initiations() == 1, "one handshake is enough");
  expect_uninterrupted(t, d, d.started_at());
  expect_lasting(t, d);
}

void tell_twice_connected(Telling& t) {
  Deployment d(t, {.client = kPortRestricted, .gateway = kPortRestricted});
  d.connect(25s);  // For 20 s after a handshake none is begun for an upsert.
  const Timestamp since = d.world.now();
  const uint64_t before = d.invariants.initiations();
  ask(d);
  d.world.run_for(100ms);
  ask(d);
  d.world.run_for(5s);
  expect_one_connection(t, d, 1, 2);
  t.expect(d.invariants.initiations() == before + 1, "the first of two begins one handshake");
  expect_uninterrupted(t, d, since);
  expect_lasting(t, d);
}

void tell_other_preshared_key(Telling& t) {
  Deployment d(t, {.client = kPortRestricted, .gateway = kPortRestricted});
  d.connect();
  const Timestamp since = d.world.now();
  const uint64_t before = d.invariants.initiations();
  renew_keys(d);
  ask(d);
  run_until_known(d, d.client(), 2s, Happening::kCreated, 2);
  // What is sent from here on can only be answered under the new key.
  const Timestamp replaced_at = d.world.now();
  d.run_until_echo(replaced_at, 3 * t.bound());
  t.within("echo", d.client()->echo().first_answer(replaced_at) - since);
  d.world.run_for(2s);
  expect_one_connection(t, d, 2, 0);
  t.expect(d.invariants.initiations() == before + 1, "one handshake, of the new connection");
  expect_lasting(t, d);
}

// The two ends learn of the new key one after the other, in the middle of everything.
void tell_other_preshared_key_connecting(Telling& t) {
  Deployment d(t, {.client = kOpen, .gateway = kOpen});
  d.start();
  d.world.run_for(100ms);
  renew_keys(d);
  const Timestamp since = d.world.now();
  ask(d);
  expect_echo_within(t, d, since, t.bound());
  d.world.run_for(5s);
  for (const Party* party : {&d.client(), &d.gateway()}) {
    t.expect((*party)->node().connection_count() == 1, party->id() + " has one connection");
    t.expect((*party)->history().count(Happening::kFailed) == 0, party->id() + " fails never");
  }
  expect_lasting(t, d);
}

void tell_s55(Telling& t) {
  constexpr std::array kTellers = {tell_twice_connecting, tell_twice_connected,
                                   tell_other_preshared_key, tell_other_preshared_key_connecting};
  kTellers.at(t.variant())(t);
}

std::vector<std::string> names_of_ports() {
  std::vector<std::string> names(kPorts.size());
  std::transform(kPorts.begin(), kPorts.end(), names.begin(),
                 [](const Ports& ports) { return ports.name; });
  return names;
}

}  // namespace

std::vector<Story> identity_stories() {
  return {
      {.id = "S51",
       .title = "two clients have one public address and port, one after the other",
       .expected = "neither gets what is for the other, nor stands in for it",
       .bound = 4s,
       .tell = tell_s51,
       .variants = {"the first is gone", "the first is elsewhere"}},
      {.id = "S54",
       .title = "a peer on a relay's port is a peer, and a relay on another port is a relay",
       .expected = "direct works; relayed works",
       .bound = 4s,
       .tell = tell_s54,
       .variants = names_of_ports()},
      {.id = "S55",
       .title = "one more authorization changes nothing, unless its preshared key is another",
       .expected = "one handshake; replaced",
       .bound = 3s,
       .tell = tell_s55,
       .variants = {"twice while it connects", "twice while it is connected",
                    "another preshared key", "another preshared key while it connects"}},
  };
}

}  // namespace connlib::scenarios
