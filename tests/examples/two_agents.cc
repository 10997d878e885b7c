// Two ICE agents in one process find each other: what a node does with one, without the sockets.
#include <cstdio>

#include "snownet/ice/agent.h"

namespace {

using namespace connlib;                // NOLINT(google-build-using-namespace): an example.
using namespace connlib::snownet::ice;  // NOLINT(google-build-using-namespace): an example.

// Carries what `from` wants to send to `to`, at once.
void carry(IceAgent& from, IceAgent& to, Timestamp now) {
  // [snippet: pump]
  if (from.poll_timeout().at <= now) from.handle_timeout(now);
  while (const auto out = from.poll_transmit()) {
    // A node would ask here: is path.local a socket of mine, or an address on a relay?
    to.handle_datagram(now, {out->path.remote, out->path.local}, out->message.bytes());
  }
  // [/snippet]
}

// What the portal does: one line of text from one end to the other.
void introduce(IceAgent& agent, IceAgent& peer, const SocketAddress& address, Timestamp now) {
  // [snippet: candidates]
  if (const auto mine = agent.add_local_candidate(Candidate::host(address), now)) {
    const std::string line = to_text(*mine, agent.local_credentials().ufrag());
    if (const auto theirs = parse_candidate(line)) peer.add_remote_candidate(*theirs, now);
  }
  // [/snippet]
}

}  // namespace

int main() {
  SeededRandom random(1);
  Timestamp now = Timestamp::from_nanoseconds(1'000'000'000);
  const auto a = Credentials::of("aaaa", "passwordpasswordpassa1");
  const auto b = Credentials::of("bbbb", "passwordpasswordpassb2");
  IceAgent client({Role::kControlling, *a, *b}, random, null_tracer(), now);
  IceAgent gateway({Role::kControlled, *b, *a}, random, null_tracer(), now);
  introduce(client, gateway, {Ipv4Address{{192, 0, 2, 1}}, 1000}, now);
  introduce(gateway, client, {Ipv4Address{{192, 0, 2, 2}}, 2000}, now);
  for (int i = 0; i < 10; ++i, now += 10ms) {
    carry(client, gateway, now);
    carry(gateway, client, now);
  }
  if (!client.selected() || !gateway.selected()) return 1;
  std::printf("%s -> %s\n", to_text(client.selected()->local).c_str(),
              to_text(client.selected()->remote).c_str());
  return 0;
}
