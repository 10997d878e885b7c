// S44 and S45: a client moves to another network.
#include <algorithm>
#include <array>

#include "tests/scenarios/stories/endings.h"
#include "tests/scenarios/stories/themes.h"

namespace connlib::scenarios {
namespace {

struct Journey {
  Edge from = kPortRestricted;
  Edge to = kSymmetric;
  Edge gateway = kPortRestricted;
  Duration portal = 3s;  // From the new network to the portal's return.
};

// All is closed at once, under a new key everything begins anew, and the next packet gets through.
// What fails is nothing: the client knows, and the gateway's half is replaced.
void tell_journey(Telling& t, Deployment& d, const Journey& journey) {
  d.connect(20s);
  t.require(d.path_kind() == expected_path(journey.from, journey.gateway), "the two meet");
  const PublicKey key = d.client()->node().public_key();
  const Timestamp since = d.world.now();
  d.roam(d.client(), journey.to, 1s, journey.portal);
  // Until then the reset may have been a false alarm.
  const Timestamp decided_at = d.world.now() - journey.portal + snownet::node::kFalseAlarmWait;
  expect_echo_within(t, d, std::max(d.world.now(), decided_at), t.bound());
  const auto& history = d.client()->history();
  t.expect(history.count(Happening::kClosed, since) == 1, "the client closes its connection");
  t.expect(history.count(Happening::kFailed, since) == 0, "nothing fails at the client");
  t.expect(d.client()->node().public_key() != key, "the client has another key");
  t.expect(d.gateway()->history().count(Happening::kCreated, since) == 1 &&
               d.gateway()->node().connection_count() == 1,
           "the gateway replaces its half");
  expect_lasting(t, d);
  t.expect(d.path_kind() == expected_path(journey.to, journey.gateway),
           "the path is what the new network allows");
}

void tell_s44(Telling& t) {
  constexpr std::array<Duration, 3> kPortal = {3s, 100ms, 10s};
  const Journey journey{.portal = kPortal.at(t.variant())};
  Deployment d(t, {.client = journey.from, .gateway = journey.gateway});
  tell_journey(t, d, journey);
}

void tell_s45(Telling& t) {
  const bool is_to_v6 = t.variant() != 2;
  const Journey journey{.from = is_to_v6 ? kPortRestricted : kStatefulV6,
                        .to = is_to_v6 ? kStatefulV6 : kPortRestricted,
                        .gateway = t.variant() == 0 ? kOpen : kPortRestricted};
  Deployment d(t, {.client = journey.from, .gateway = journey.gateway});
  tell_journey(t, d, journey);
  const auto relays = d.client()->node().relays();
  t.expect(!relays.empty() && std::all_of(relays.begin(), relays.end(),
                                          [&](const auto& relay) {
                                            const auto& socket = relay.allocation->active_socket();
                                            return socket && socket->ip.is_v4() != is_to_v6;
                                          }),
           "all relays are reached over the family that is there");
}

}  // namespace

std::vector<Story> roaming_stories() {
  return {
      {.id = "S44",
       .title = "a client moves from Wi-Fi to LTE, and its portal is back after a while",
       .expected = "all closed, another key, connected anew by the next packet",
       .bound = 5s,
       .tell = tell_s44,
       .variants = {"after 3 s", "after 0.1 s", "after 10 s"}},
      {.id = "S45",
       .title = "a client moves to a network of the other IP version",
       .expected = "as S44; relays are reached over that version",
       .bound = 4s,
       .tell = tell_s45,
       .variants = {"IPv6, gateway with both", "IPv6, gateway with IPv4", "back to IPv4"}},
  };
}

}  // namespace connlib::scenarios
