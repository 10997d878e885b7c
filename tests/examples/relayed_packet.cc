// A client, a relay and a peer without sockets: the client allocates an address at the relay, binds
// a channel to the peer, and a payload goes there and back.
#include <cstdio>
#include <string_view>
#include <vector>

#include "connlib/base/random_source.h"
#include "connlib/base/trace.h"
#include "snownet/relay/server.h"
#include "snownet/stun/relay_credentials.h"
#include "snownet/turn/allocation.h"

namespace {

using namespace connlib;  // NOLINT(google-build-using-namespace): an example.
using snownet::relay::Server;
using snownet::turn::Allocation;

using Bytes = std::vector<uint8_t>;

const SocketAddress kClient{Ipv4Address{{198, 41, 0, 4}}, 40001};
const SocketAddress kRelay{Ipv4Address{{5, 9, 10, 11}}, 3478};
const SocketAddress kPeer{Ipv4Address{{93, 184, 216, 34}}, 51820};

// ChannelData: four bytes in front of the payload. A shell leaves room for them.
Bytes framed(snownet::stun::ChannelNumber channel, std::span<const uint8_t> payload) {
  Bytes frame(snownet::stun::kChannelDataHeaderBytes);
  snownet::stun::write_channel_data_header(std::span(frame).first<4>(), channel, payload.size());
  frame.insert(frame.end(), payload.begin(), payload.end());
  return frame;
}

// What the relay's shell does after every input.
void drain(Server& server, Allocation& client, Timestamp now) {
  // [snippet: relay-drain]
  while (const auto command = server.poll_command()) {
    // A shell opens a socket here, and says handle_port_failed() when somebody else has the port.
    if (const auto* open = std::get_if<snownet::relay::OpenPort>(&*command)) {
      server.handle_port_opened(now, open->port);
    }
  }
  while (const auto response = server.poll_transmit()) {
    Bytes datagram(response->bytes().begin(), response->bytes().end());
    client.handle_datagram(now, response->to, kRelay, datagram);
  }
  // [/snippet]
}

// Lets both talk for `duration`.
void run(Server& server, Allocation& client, Timestamp& now, Duration duration) {
  for (const Timestamp end = now + duration; now < end; now += 10ms) {
    // [snippet: client-pump]
    if (client.poll_timeout().at <= now) client.handle_timeout(now);
    while (const auto out = client.poll_transmit()) {
      server.handle_client_run(now, kClient, out->datagram, 0);  // To out->to, which is kRelay.
      drain(server, client, now);
    }
    // [/snippet]
  }
}

// Sends `payload` to the peer and back; what the client receives.
std::optional<Bytes> echo(Server& server, Allocation& client, Timestamp now, const Bytes& payload) {
  // [snippet: client-send]
  const auto route = client.route_to(now, kPeer);
  if (!route) return std::nullopt;  // Not bound yet, and the datagram is lost, as UDP may lose it.
  const Bytes frame = framed(route->channel, payload);  // To route->relay.
  // [/snippet]

  // [snippet: relay-forward]
  const auto answer = server.handle_client_run(now, kClient, frame, 0);
  const auto* to_peer = std::get_if<snownet::relay::ToPeer>(&answer.outcome);
  if (to_peer == nullptr) return std::nullopt;
  Bytes echoed;  // A shell sends each payload from port to_peer->port to to_peer->peer.
  snownet::relay::for_each_payload(*to_peer, [&](std::span<const uint8_t> datagram) {
    echoed.assign(datagram.begin(), datagram.end());
  });
  const auto back = server.handle_peer_run(now, to_peer->port, to_peer->peer, echoed, 0);
  const auto* to_client = std::get_if<snownet::relay::ToClient>(&back);
  if (to_client == nullptr) return std::nullopt;
  Bytes returned = framed(to_client->channel, echoed);  // To to_client->client.
  // [/snippet]

  const auto inbound = client.handle_datagram(now, kClient, kRelay, returned);
  const auto* received = std::get_if<snownet::turn::Received>(&inbound);
  if (received == nullptr || received->peer != kPeer) return std::nullopt;
  return Bytes(received->payload.begin(), received->payload.end());
}

}  // namespace

int main() {
  auto now = Timestamp::from_nanoseconds(1'000'000'000);
  const absl::Time date = absl::FromUnixSeconds(1'700'000'000);
  SeededRandom random(1);

  // [snippet: relay]
  snownet::relay::Credentials users;
  users.add_user("alice", "swordfish");  // Or set_stamp_secret(), for users of a portal.
  Server server({.public_v4 = *kRelay.ip.v4()}, std::move(users), random, null_tracer(), now, date);
  // [/snippet]

  auto alice = snownet::turn::Credentials::create("alice", snownet::stun::kRelayRealm, "swordfish");
  if (!alice) return 1;
  // [snippet: client]
  Allocation client({.v4 = kRelay}, *std::move(alice), random, null_tracer(), now);
  client.bind_channel(now, kPeer);  // As soon as there is an allocation.
  // [/snippet]

  run(server, client, now, 1s);
  const auto relayed = client.relayed_address(IpFamily::kV4);
  if (!relayed) return 1;
  std::printf("the peer sees %s\n", to_text(*relayed).c_str());
  const Bytes payload = {'h', 'e', 'l', 'l', 'o'};
  return echo(server, client, now, payload) == payload ? 0 : 1;
}
