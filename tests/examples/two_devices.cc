// Two devices exchange a packet in memory: the smallest use of wireguard/.
#include <cstdio>
#include <vector>

#include "wireguard/tunnel/device.h"

namespace {

using namespace connlib;
using namespace connlib::wireguard;

// [snippet: carry]
// Carries what `from` wants to send to `to`, whose answer is carried by the next call. A real
// program sends over UDP, asks poll_timeout() when to call handle_timeout(), and reads events.
void carry(Device& from, Device& to, Timestamp now) {
  const SocketAddress source{Ipv4Address{{192, 0, 2, 1}}, 51820};
  while (auto out = from.poll_transmit()) to.handle_datagram(now, source, out->datagram.bytes());
}
// [/snippet]

}  // namespace

int main() {
  // [snippet: exchange]
  const auto now = Timestamp::from_nanoseconds(1'000'000'000);  // A shell reads its OsClock.
  const absl::Time date = absl::FromUnixSeconds(1'700'000'000);
  SeededRandom random(1);  // A shell has OsRandom: never seed real keys.
  Device a(PrivateKey(random.bytes<32>()), {}, now, date, random, null_tracer());
  Device b(PrivateKey(random.bytes<32>()), {}, now, date, random, null_tracer());
  const auto to_b = a.add_peer(now, b.public_key(), PresharedKey(), {});
  const auto to_a = b.add_peer(now, a.public_key(), PresharedKey(), {});
  if (!to_b.ok() || !to_a.ok()) return 1;

  a.start_handshake(now, *to_b);
  carry(a, b, now);  // Initiation.
  carry(b, a, now);  // Response; a can send from here on.

  const size_t packet_bytes = 20;
  std::vector<uint8_t> datagram(a.sealed_bytes(*to_b, packet_bytes));
  datagram[kDataHeaderBytes] = 0x45;  // An IPv4 packet without content, sealed where it lies.
  datagram[kDataHeaderBytes + 3] = packet_bytes;
  if (!a.seal(now, *to_b, datagram, packet_bytes)) return 1;

  const Inbound inbound = b.handle_datagram(now, std::nullopt, datagram);
  const auto* delivered = std::get_if<Delivered>(&inbound);
  if (delivered == nullptr || delivered->from != *to_a) return 1;
  std::printf("b got %zu bytes\n", delivered->packet.size());  // b got 20 bytes
  // [/snippet]
  return delivered->packet.size() == packet_bytes ? 0 : 1;
}
