// S42 and S43: the portal has something new about a relay that carries the path.
#include <algorithm>

#include <fmt/format.h>

#include "tests/scenarios/stories/endings.h"
#include "tests/scenarios/stories/themes.h"

namespace connlib::scenarios {
namespace {

using snownet::node::LateCandidates;

bool gateway_knows(const Deployment& d, const std::optional<SocketAddress>& address) {
  const auto* agent = d.gateway()->agent_to(d.client().id());
  if (agent == nullptr || !address) return false;
  const auto known = agent->remote_candidates();
  return std::any_of(known.begin(), known.end(), [&](const auto& candidate) {
    return candidate.kind == snownet::ice::CandidateKind::kRelayed && candidate.address == *address;
  });
}

std::optional<SocketAddress> relayed_address(const Deployment& d) {
  const auto* allocation = d.allocation_at(0, d.client());
  return allocation == nullptr ? std::nullopt : allocation->relayed_address(IpFamily::kV4);
}

// The two are connected through the client's relay, its only one.
void connect_by_clients_relay(Telling& t, Deployment& d) {
  d.choose_relays(d.client(), {"relay 1"});
  d.choose_relays(d.gateway(), {"relay 2"});
  d.connect(20s);
  t.require(d.client()->sends_through_relay(d.gateway().id()), "the path is by the client's relay");
}

// The relayed address of before is out, another one in, and that cost one connection at most.
void expect_renewed(Telling& t, Deployment& d, Timestamp told_at, const SocketAddress& before) {
  const bool is_accepting = d.client().options.node.late_candidates == LateCandidates::kAcceptAll;
  expect_echo_within(t, d, told_at, t.bound());
  for (const Party* party : {&d.client(), &d.gateway()}) {
    const size_t failures = (*party)->history().count(Happening::kFailed, told_at);
    t.expect(failures == (is_accepting ? 0U : 1U),
             fmt::format("{} fails {} times", party->id(), failures));
  }
  expect_lasting(t, d);
  t.expect(!gateway_knows(d, before), "the gateway has forgotten the old relayed address");
  t.expect(relayed_address(d) != before, "the client has a new relayed address");
  t.expect(gateway_knows(d, relayed_address(d)), "the gateway knows the new relayed address");
}

void tell_s42(Telling& t) {
  const auto policy = t.variant() == 1 ? LateCandidates::kAcceptAll : LateCandidates::kFreezeRelays;
  Deployment d(t, {.client = kSymmetric, .gateway = kPortRestricted, .policy = policy});
  connect_by_clients_relay(t, d);
  const SocketAddress before = relayed_address(d).value();
  d.renew_account(0, d.client());
  expect_renewed(t, d, d.world.now() + d.weather.portal / 2, before);
  t.expect(d.relay(0).machine->server().allocation_count() == 1,
           "the allocation of the old account was given back");
}

// A process elsewhere has the relay's name now.
void tell_s43(Telling& t) {
  Deployment d(t, {.client = kSymmetric, .gateway = kPortRestricted});
  connect_by_clients_relay(t, d);
  const SocketAddress before = relayed_address(d).value();
  const Timestamp since = d.world.now();
  const bool is_gone = t.variant() == 1;
  if (is_gone) d.kill_relay(0);
  const size_t successor = d.add_relay("relay 1", d.weather.relay(0));
  expect_renewed(t, d, since + kPresenceDebounce + d.weather.portal / 2, before);
  const auto* allocation = d.allocation_at(0, d.client());
  t.require(allocation != nullptr && allocation->active_socket(), "the client has the relay");
  const auto& sockets = d.relay(successor).sockets;
  t.expect(std::find(sockets.begin(), sockets.end(), allocation->active_socket()) != sockets.end(),
           "the client talks to the new address");
  t.expect(d.relay(successor).machine->server().allocation_count() == 1,
           "there is one allocation at the new address");
  if (is_gone) return;
  t.expect(d.relay(0).machine->server().allocation_count() == 0,
           "the allocation at the old address was given back");
}

}  // namespace

std::vector<Story> renewal_stories() {
  return {
      {.id = "S42",
       .title = "the portal gives the client another account at the relay that carries the path",
       .expected = "old candidates out, new in; one fail-over at most",
       .bound = 6s,
       .tell = tell_s42,
       .variants = {"FreezeRelays", "AcceptAll"}},
      {.id = "S43",
       .title = "the relay that carries the path has another address under its old name",
       .expected = "replaced; the old allocation given back",
       .bound = 6s,
       .tell = tell_s43,
       .variants = {"the old one lives", "the old one is gone"}},
  };
}

}  // namespace connlib::scenarios
