#include "connlib/dns/packet_writer.h"

#include <variant>

#include "connlib/base/bytes.h"
#include "connlib/packet/ip_packet.h"

namespace connlib::dns {
namespace {

constexpr uint8_t kHopLimit = 64;
constexpr uint16_t kDontFragment = 0x4000;
constexpr uint8_t kMaxSegmentOption = 2;  // RFC 9293 §3.2
constexpr size_t kMaxSegmentOptionBytes = 4;

void write_ip_header(const PacketAddresses& addresses, uint8_t protocol, size_t upper_bytes,
                     ByteWriter& out) {
  const IpAddress& from = addresses.from.ip;
  if (from.is_v4()) {
    out.be16(0x4500);
    out.be16(static_cast<uint16_t>(kIpv4MinHeaderBytes + upper_bytes));
    out.be16(0);  // Atomic datagrams need no identification (RFC 6864 §4.1).
    out.be16(kDontFragment);
    out.u8(kHopLimit);
    out.u8(protocol);
    out.be16(0);
  } else {
    out.be32(0x6000'0000);
    out.be16(static_cast<uint16_t>(upper_bytes));
    out.u8(protocol);
    out.u8(kHopLimit);
  }
  out.bytes(from.bytes());
  out.bytes(addresses.to.ip.bytes());
}

std::span<uint8_t> finish(ByteWriter& out) {
  if (!out.ok() || out.size() > IpPacket::kMaxBytes) return {};
  auto parsed = IpPacket::parse(out.written());
  auto* packet = std::get_if<IpPacket>(&parsed);
  if (packet == nullptr) return {};
  packet->write_checksums();
  return out.written();
}

}  // namespace

std::span<uint8_t> write_udp(const PacketAddresses& addresses, std::span<const uint8_t> payload,
                             std::span<uint8_t> out) {
  if (addresses.from.ip.family() != addresses.to.ip.family()) return {};
  if (payload.size() > IpPacket::kMaxBytes) return {};
  ByteWriter writer(out);
  const size_t upper_bytes = kUdpHeaderBytes + payload.size();
  write_ip_header(addresses, kProtocolUdp, upper_bytes, writer);
  writer.be16(addresses.from.port);
  writer.be16(addresses.to.port);
  writer.be16(static_cast<uint16_t>(upper_bytes));
  writer.be16(0);
  writer.bytes(payload);
  return finish(writer);
}

std::span<uint8_t> write_tcp(const PacketAddresses& addresses, const TcpFields& fields,
                             std::span<const uint8_t> payload, std::span<uint8_t> out) {
  if (addresses.from.ip.family() != addresses.to.ip.family()) return {};
  if (payload.size() > IpPacket::kMaxBytes) return {};
  ByteWriter writer(out);
  const size_t header_bytes =
      kTcpMinHeaderBytes + (fields.max_segment_bytes != 0 ? kMaxSegmentOptionBytes : 0);
  write_ip_header(addresses, kProtocolTcp, header_bytes + payload.size(), writer);
  writer.be16(addresses.from.port);
  writer.be16(addresses.to.port);
  writer.be32(fields.sequence);
  writer.be32(fields.acknowledgment);
  writer.u8(static_cast<uint8_t>(header_bytes / 4 << 4));
  writer.u8(fields.flags);
  writer.be16(fields.window);
  writer.be32(0);  // Checksum, urgent pointer.
  if (fields.max_segment_bytes != 0) {
    writer.u8(kMaxSegmentOption);
    writer.u8(kMaxSegmentOptionBytes);
    writer.be16(fields.max_segment_bytes);
  }
  writer.bytes(payload);
  return finish(writer);
}

}  // namespace connlib::dns
