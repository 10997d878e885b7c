#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "connlib/base/ip.h"

// Whole IP packets for tests, with right checksums, and a judge of checksums. Both stand on the
// obvious sum below rather than on connlib/packet, so that each can prove the other wrong.
namespace connlib::testing {

using Bytes = std::vector<uint8_t>;

// address() and endpoint() read "10.0.0.1" and "[fd00::1]:53"; they throw on anything else.
IpAddress address(std::string_view text);
SocketAddress endpoint(std::string_view text);

struct ExtensionHeader {
  uint8_t type = 0;
  Bytes bytes{};  // Its first byte, the next header, is filled in.
};

struct IpFields {
  uint8_t traffic_class = 0;  // TOS in IPv4; the low two bits are ECN.
  uint8_t hop_limit = 64;
  uint16_t identification = 0;                // IPv4.
  Bytes options{};                            // IPv4; a multiple of 4 bytes.
  std::vector<ExtensionHeader> extensions{};  // IPv6.
};

struct TcpFields {
  uint32_t sequence = 1;
  uint32_t acknowledgment = 999;
  uint8_t flags = 0x10;
  uint16_t window = 501;
  Bytes options{};  // A multiple of 4 bytes.
};

struct EchoFields {
  uint16_t identifier = 7;
  uint16_t sequence = 1;
  bool is_reply = false;
};

// ip_packet() puts `upper` as it is behind a header; its checksum is computed where `protocol` has
// one. `from` and `to` are of one family.
Bytes ip_packet(const IpAddress& from, const IpAddress& to, uint8_t protocol, const Bytes& upper,
                const IpFields& ip = {});
Bytes udp_packet(const SocketAddress& from, const SocketAddress& to, const Bytes& payload = {},
                 const IpFields& ip = {});
Bytes tcp_packet(const SocketAddress& from, const SocketAddress& to, const TcpFields& tcp = {},
                 const Bytes& payload = {}, const IpFields& ip = {});
Bytes echo_packet(const IpAddress& from, const IpAddress& to, const EchoFields& echo = {},
                  const Bytes& payload = {}, const IpFields& ip = {});

// slow_sum() is the ones' complement sum of RFC 1071 as one would write it on paper.
uint16_t slow_sum(std::span<const uint8_t> bytes);

// upper_offset() and upper_protocol() walk a well-formed packet.
size_t upper_offset(std::span<const uint8_t> packet);
uint8_t upper_protocol(std::span<const uint8_t> packet);

// write_checksums() fills in every checksum of a well-formed whole packet; has_right_checksums()
// accepts a UDP checksum of 0.
void write_checksums(Bytes& packet);
bool has_right_checksums(std::span<const uint8_t> packet);

}  // namespace connlib::testing
