#include "tests/support/packets.h"

#include <stdexcept>
#include <string>

#include "connlib/base/bytes.h"

namespace connlib::testing {
namespace {

constexpr uint8_t kIcmpv4 = 1;
constexpr uint8_t kTcp = 6;
constexpr uint8_t kUdp = 17;
constexpr uint8_t kIcmpv6 = 58;

void append_be16(Bytes& out, uint16_t value) {
  out.push_back(static_cast<uint8_t>(value >> 8));
  out.push_back(static_cast<uint8_t>(value));
}
void append_be32(Bytes& out, uint32_t value) {
  append_be16(out, static_cast<uint16_t>(value >> 16));
  append_be16(out, static_cast<uint16_t>(value));
}
template <typename Range>
void append(Bytes& out, const Range& bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

bool is_extension(uint8_t type) {
  return type == 0 || type == 43 || type == 44 || type == 51 || type == 60;
}

struct Upper {
  size_t offset;
  uint8_t protocol;
};

Upper upper_of(std::span<const uint8_t> packet) {
  if (packet[0] >> 4 == 4) return {size_t{4} * (packet[0] & 15u), packet[9]};
  Upper out{40, packet[6]};
  while (is_extension(out.protocol)) {
    const uint8_t type = out.protocol;
    const uint8_t length = packet[out.offset + 1];
    out.protocol = packet[out.offset];
    out.offset += type == 44 ? size_t{8} : type == 51 ? (length + 2u) * 4u : (length + 1u) * 8u;
  }
  return out;
}

// 0 where the protocol has no checksum.
size_t checksum_offset(const Upper& upper) {
  switch (upper.protocol) {
    case kTcp:
      return upper.offset + 16;
    case kUdp:
      return upper.offset + 6;
    case kIcmpv4:
    case kIcmpv6:
      return upper.offset + 2;
    default:
      return 0;
  }
}

// What the upper layer's checksum covers, pseudo-header in front.
Bytes covered_bytes(std::span<const uint8_t> packet) {
  const Upper upper = upper_of(packet);
  Bytes out;
  if (upper.protocol != kIcmpv4) {
    append(out, packet[0] >> 4 == 4 ? packet.subspan(12, 8) : packet.subspan(8, 32));
    append_be32(out, static_cast<uint32_t>(packet.size() - upper.offset));
    append_be32(out, upper.protocol);
  }
  append(out, packet.subspan(upper.offset));
  return out;
}

}  // namespace

IpAddress address(std::string_view text) {
  const auto parsed = IpAddress::parse(text);
  if (!parsed) throw std::runtime_error("no address: " + std::string(text));
  return *parsed;
}

SocketAddress endpoint(std::string_view text) {
  const auto parsed = SocketAddress::parse(text);
  if (!parsed) throw std::runtime_error("no address and port: " + std::string(text));
  return *parsed;
}

Bytes ip_packet(const IpAddress& from, const IpAddress& to, uint8_t protocol, const Bytes& upper,
                const IpFields& ip) {
  if (from.family() != to.family()) throw std::runtime_error("one packet, two families");
  Bytes out;
  if (from.is_v4()) {
    const size_t header_bytes = 20 + ip.options.size();
    out.push_back(static_cast<uint8_t>(0x40 | header_bytes / 4));
    out.push_back(ip.traffic_class);
    append_be16(out, static_cast<uint16_t>(header_bytes + upper.size()));
    append_be16(out, ip.identification);
    append_be16(out, 0);
    out.push_back(ip.hop_limit);
    out.push_back(protocol);
    append_be16(out, 0);
    append(out, from.bytes());
    append(out, to.bytes());
    append(out, ip.options);
  } else {
    Bytes extensions;
    for (size_t i = 0; i < ip.extensions.size(); ++i) {
      Bytes header = ip.extensions[i].bytes;
      header.at(0) = i + 1 < ip.extensions.size() ? ip.extensions[i + 1].type : protocol;
      append(extensions, header);
    }
    append_be32(out, 0x60000000u | uint32_t{ip.traffic_class} << 20);
    append_be16(out, static_cast<uint16_t>(extensions.size() + upper.size()));
    out.push_back(ip.extensions.empty() ? protocol : ip.extensions[0].type);
    out.push_back(ip.hop_limit);
    append(out, from.bytes());
    append(out, to.bytes());
    append(out, extensions);
  }
  append(out, upper);
  write_checksums(out);
  return out;
}

Bytes udp_packet(const SocketAddress& from, const SocketAddress& to, const Bytes& payload,
                 const IpFields& ip) {
  Bytes upper;
  append_be16(upper, from.port);
  append_be16(upper, to.port);
  append_be16(upper, static_cast<uint16_t>(8 + payload.size()));
  append_be16(upper, 0);
  append(upper, payload);
  return ip_packet(from.ip, to.ip, kUdp, upper, ip);
}

Bytes tcp_packet(const SocketAddress& from, const SocketAddress& to, const TcpFields& tcp,
                 const Bytes& payload, const IpFields& ip) {
  Bytes upper;
  append_be16(upper, from.port);
  append_be16(upper, to.port);
  append_be32(upper, tcp.sequence);
  append_be32(upper, tcp.acknowledgment);
  upper.push_back(static_cast<uint8_t>((20 + tcp.options.size()) / 4 << 4));
  upper.push_back(tcp.flags);
  append_be16(upper, tcp.window);
  append_be32(upper, 0);
  append(upper, tcp.options);
  append(upper, payload);
  return ip_packet(from.ip, to.ip, kTcp, upper, ip);
}

Bytes echo_packet(const IpAddress& from, const IpAddress& to, const EchoFields& echo,
                  const Bytes& payload, const IpFields& ip) {
  const bool is_v4 = from.is_v4();
  Bytes upper;
  upper.push_back(is_v4 ? (echo.is_reply ? 0 : 8) : (echo.is_reply ? 129 : 128));
  upper.push_back(0);
  append_be16(upper, 0);
  append_be16(upper, echo.identifier);
  append_be16(upper, echo.sequence);
  append(upper, payload);
  return ip_packet(from, to, is_v4 ? kIcmpv4 : kIcmpv6, upper, ip);
}

uint16_t slow_sum(std::span<const uint8_t> bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); i += 2) {
    sum += static_cast<uint32_t>(bytes[i] << 8) | (i + 1 < bytes.size() ? bytes[i + 1] : 0u);
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<uint16_t>(sum);
}

size_t upper_offset(std::span<const uint8_t> packet) { return upper_of(packet).offset; }
uint8_t upper_protocol(std::span<const uint8_t> packet) { return upper_of(packet).protocol; }

void write_checksums(Bytes& packet) {
  if (packet[0] >> 4 == 4) {
    store_be16(&packet[10], 0);
    const uint16_t sum = slow_sum(std::span(packet).first(upper_offset(packet)));
    store_be16(&packet[10], static_cast<uint16_t>(~sum));
  }
  const Upper upper = upper_of(packet);
  const size_t at = checksum_offset(upper);
  if (at == 0) return;
  store_be16(&packet[at], 0);
  const auto checksum = static_cast<uint16_t>(~slow_sum(covered_bytes(packet)));
  const bool is_none = upper.protocol == kUdp && checksum == 0;
  store_be16(&packet[at], is_none ? uint16_t{0xffff} : checksum);
}

bool has_right_checksums(std::span<const uint8_t> packet) {
  const Upper upper = upper_of(packet);
  if (packet[0] >> 4 == 4 && slow_sum(packet.first(upper.offset)) != 0xffff) return false;
  const size_t at = checksum_offset(upper);
  if (at == 0) return true;
  if (upper.protocol == kUdp && load_be16(&packet[at]) == 0) return true;
  return slow_sum(covered_bytes(packet)) == 0xffff;
}

}  // namespace connlib::testing
