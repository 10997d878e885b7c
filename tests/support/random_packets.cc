#include "tests/support/random_packets.h"

#include <iterator>
#include <utility>

namespace connlib::testing {
namespace {

bool one_in(uint64_t n, RandomSource& random) { return random.below(n) == 0; }
uint8_t random_u8(RandomSource& random) { return static_cast<uint8_t>(random.next_u32()); }
uint16_t random_u16(RandomSource& random) {
  return one_in(8, random) ? uint16_t{0} : static_cast<uint16_t>(random.next_u32());
}

IpFields random_ip_fields(IpFamily family, RandomSource& random) {
  IpFields ip{.traffic_class = random_u8(random),
              .hop_limit = random_u8(random),
              .identification = random_u16(random)};
  if (!one_in(3, random)) return ip;
  if (family == IpFamily::kV4) {
    ip.options.assign(4 * (1 + random.below(10)), 1);  // No operation.
    return ip;
  }
  for (uint64_t n = 1 + random.below(3); n > 0; --n) {
    static constexpr uint8_t kTypes[] = {0, 60, 51, 43, 44};
    const uint8_t type = kTypes[random.below(std::size(kTypes))];
    const uint64_t more = type == 44 ? 0 : random.below(3);
    Bytes header(8 * (1 + more));
    // AH counts in units of 4 bytes (RFC 4302 §2.2). A fragment header has no length and is atomic.
    if (type != 44) header[1] = static_cast<uint8_t>(type == 51 ? 2 * more : more);
    ip.extensions.push_back({type, std::move(header)});
  }
  return ip;
}

}  // namespace

IpAddress random_address(IpFamily family, RandomSource& random) {
  if (family == IpFamily::kV4) {
    Ipv4Address out;
    if (!one_in(8, random)) random.fill(out.bytes);
    return out;
  }
  Ipv6Address out;
  if (!one_in(8, random)) random.fill(out.bytes);
  return out;
}

Bytes random_bytes(size_t size, RandomSource& random) {
  Bytes out(size);
  if (!one_in(4, random)) random.fill(out);
  return out;
}

Bytes random_packet(RandomSource& random) {
  const auto family = one_in(2, random) ? IpFamily::kV4 : IpFamily::kV6;
  const bool is_v4 = family == IpFamily::kV4;
  const SocketAddress from{random_address(family, random), random_u16(random)};
  const SocketAddress to{random_address(family, random), random_u16(random)};
  const IpFields ip = random_ip_fields(family, random);
  const Bytes payload = random_bytes(random.below(one_in(4, random) ? 1100 : 60), random);
  switch (random.below(5)) {
    case 0: {
      Bytes packet = udp_packet(from, to, payload, ip);
      if (one_in(4, random)) {
        packet[upper_offset(packet) + 6] = 0;
        packet[upper_offset(packet) + 7] = 0;
      }
      return packet;
    }
    case 1:
      return tcp_packet(from, to,
                        {.sequence = random.next_u32(),
                         .acknowledgment = random.next_u32(),
                         .flags = random_u8(random),
                         .window = random_u16(random),
                         .options = random_bytes(4 * random.below(11), random)},
                        payload, ip);
    case 2:
      return echo_packet(from.ip, to.ip,
                         {.identifier = random_u16(random),
                          .sequence = random_u16(random),
                          .is_reply = one_in(2, random)},
                         payload, ip);
    case 3: {
      const Bytes message = random_bytes(8 + payload.size(), random);
      return ip_packet(from.ip, to.ip, is_v4 ? 1 : 58, message, ip);
    }
    default:
      return ip_packet(from.ip, to.ip, 253, payload, ip);
  }
}

}  // namespace connlib::testing
