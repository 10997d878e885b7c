#include "connlib/packet/ip_packet.h"

namespace connlib {
namespace {

std::optional<PacketError> find_length_error(std::span<const uint8_t> bytes) noexcept {
  if (bytes.size() > IpPacket::kMaxBytes) return PacketError::kTooLong;
  if (bytes.empty()) return PacketError::kTruncated;
  const uint8_t version = bytes[0] >> 4;
  if (version != 4 && version != 6) return PacketError::kUnknownVersion;
  if (bytes.size() < (version == 4 ? kIpv4MinHeaderBytes : kIpv6HeaderBytes)) {
    return PacketError::kTruncated;
  }
  const size_t length =
      version == 4 ? size_t{load_be16(&bytes[2])} : kIpv6HeaderBytes + load_be16(&bytes[4]);
  if (length != bytes.size()) return PacketError::kBadLength;
  return std::nullopt;
}

std::optional<PacketError> find_upper_error(IpFamily family, uint8_t protocol,
                                            std::span<const uint8_t> upper) noexcept {
  switch (protocol) {
    case kProtocolUdp:
      if (upper.size() < kUdpHeaderBytes) return PacketError::kTruncated;
      if (load_be16(&upper[4]) != upper.size()) return PacketError::kBadUdpLength;
      return std::nullopt;
    case kProtocolTcp: {
      if (upper.size() < kTcpMinHeaderBytes) return PacketError::kTruncated;
      const size_t header_bytes = size_t{4} * (upper[12] >> 4);
      if (header_bytes < kTcpMinHeaderBytes || header_bytes > upper.size()) {
        return PacketError::kBadTcpDataOffset;
      }
      return std::nullopt;
    }
    case kProtocolIcmpv4:
    case kProtocolIcmpv6:
      if ((protocol == kProtocolIcmpv4) != (family == IpFamily::kV4)) {
        return PacketError::kIcmpOfOtherVersion;
      }
      if (upper.size() < kIcmpHeaderBytes) return PacketError::kTruncated;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::variant<IpPacket, PacketError> IpPacket::parse(std::span<uint8_t> bytes) noexcept {
  if (const auto error = find_length_error(bytes)) return *error;
  const auto found = find_upper_layer(bytes);
  if (const auto* error = std::get_if<PacketError>(&found)) return *error;
  const UpperLayer& upper = *std::get_if<UpperLayer>(&found);
  if (upper.fragment_offset != 0 || upper.has_more_fragments) return PacketError::kFragmented;
  if (upper.is_source_routed) return PacketError::kSourceRouted;
  const PacketFields fields(bytes, upper);
  if (const auto error =
          find_upper_error(fields.header().family(), upper.protocol, fields.upper())) {
    return *error;
  }
  return IpPacket(fields);
}

std::optional<UdpDatagram> IpPacket::udp() const noexcept {
  if (upper_protocol() != kProtocolUdp) return std::nullopt;
  return UdpDatagram(upper());
}

std::optional<TcpSegment> IpPacket::tcp() const noexcept {
  if (upper_protocol() != kProtocolTcp) return std::nullopt;
  return TcpSegment(upper());
}

std::optional<IcmpMessage> IpPacket::icmp() const noexcept {
  const bool is_icmp = upper_protocol() == kProtocolIcmpv4 || upper_protocol() == kProtocolIcmpv6;
  if (!is_icmp) return std::nullopt;
  return IcmpMessage(family(), upper());
}

bool IpPacket::is_icmp_error() const noexcept {
  const auto message = icmp();
  return message.has_value() && message->is_error();
}

}  // namespace connlib
