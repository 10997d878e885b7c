// What a gateway does with a packet from the tunnel: refuse it with an ICMP error, or send it on to
// the address behind a resource's name.
#include <array>
#include <cstdio>
#include <string>

#include "connlib/packet/icmp_error.h"
#include "connlib/packet/ip_packet.h"
#include "tests/support/packets.h"

namespace {

using namespace connlib;  // NOLINT(google-build-using-namespace): an example.

const IpAddress kRealAddress = Ipv4Address{{192, 0, 2, 80}};

// What to write to the TUN; empty for nothing.
std::span<const uint8_t> handle(std::span<uint8_t> bytes, std::span<uint8_t> out) {
  // [snippet: translate]
  auto parsed = IpPacket::parse(bytes);  // Borrows: edits change `bytes`.
  auto* packet = std::get_if<IpPacket>(&parsed);
  if (packet == nullptr) return {};  // A PacketError says why; count it.
  const auto protocol = packet->destination_protocol();
  const auto* known = std::get_if<Protocol>(&protocol);
  if (known == nullptr || *known != Protocol::tcp(443)) {
    return answer_with_icmp_error(IcmpError::prohibited(packet->family()), *packet, out);
  }
  if (!packet->translate_destination(Protocol::tcp(40001), kRealAddress)) return {};
  return packet->bytes();  // To the real address, from port 40001, every checksum right.
  // [/snippet]
}

}  // namespace

int main() {
  const SocketAddress client{Ipv4Address{{100, 64, 0, 1}}, 50000};
  const IpAddress server = Ipv4Address{{100, 96, 0, 1}};
  auto web = testing::tcp_packet(client, {server, 443});
  auto mail = testing::tcp_packet(client, {server, 25});
  testing::Bytes noise(20, 0x50);
  std::array<uint8_t, IpPacket::kMaxBytes> out{};

  const auto sent = handle(web, out);
  const std::string real = to_text(IpHeader(sent).destination());
  std::printf("web goes to %s\n", real.c_str());
  if (sent.data() != web.data() || real != "192.0.2.80") return 1;
  if (!testing::has_right_checksums(sent)) return 1;

  const auto answer = handle(mail, out);
  const std::string sender = to_text(IpHeader(answer).destination());
  std::printf("mail is answered to %s\n", sender.c_str());
  if (answer.data() != out.data() || sender != "100.64.0.1") return 1;
  if (!testing::has_right_checksums(answer)) return 1;

  return handle(noise, out).empty() ? 0 : 1;
}
