#pragma once

#include <cstdint>
#include <span>

#include "connlib/base/ip.h"

namespace connlib::dns {

// The packets that our own UDP and TCP endpoints send, written whole and with checksums into `out`.
// Both addresses are of one family. Empty when the packet does not fit into `out` or is longer
// than IpPacket::kMaxBytes.
struct PacketAddresses {
  SocketAddress from;
  SocketAddress to;
};

std::span<uint8_t> write_udp(const PacketAddresses& addresses, std::span<const uint8_t> payload,
                             std::span<uint8_t> out);

struct TcpFields {
  static constexpr uint8_t kFin = 0x01;
  static constexpr uint8_t kSyn = 0x02;
  static constexpr uint8_t kRst = 0x04;
  static constexpr uint8_t kPsh = 0x08;
  static constexpr uint8_t kAck = 0x10;

  uint32_t sequence = 0;
  uint32_t acknowledgment = 0;
  uint8_t flags = 0;
  uint16_t window = 0;
  uint16_t max_segment_bytes = 0;  // The option of a SYN (RFC 9293 §3.2); 0: none.
};
std::span<uint8_t> write_tcp(const PacketAddresses& addresses, const TcpFields& fields,
                             std::span<const uint8_t> payload, std::span<uint8_t> out);

}  // namespace connlib::dns
