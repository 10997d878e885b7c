#include "connlib/packet/quoted_packet.h"

#include <algorithm>

#include "connlib/packet/icmp_message.h"

namespace connlib {
namespace {

// The length that the quoted header states, 0 when there is no header.
size_t stated_bytes(std::span<const uint8_t> body) noexcept {
  if (body.size() < kIpv4MinHeaderBytes) return 0;
  if (body[0] >> 4 == 4) return load_be16(&body[2]);
  return kIpv6HeaderBytes + load_be16(&body[4]);
}

bool has_flow(const PacketFields& fields) noexcept {
  const IpFamily family = fields.header().family();
  const auto upper = fields.upper();
  switch (fields.upper_protocol()) {
    case kProtocolTcp:
    case kProtocolUdp:
      break;
    case kProtocolIcmpv4:
    case kProtocolIcmpv6:
      if ((fields.upper_protocol() == kProtocolIcmpv4) != (family == IpFamily::kV4)) return false;
      if (upper.empty() || !is_icmp_echo_request(family, upper[0])) return false;
      break;
    default:
      return false;
  }
  // Long enough for both ports, or for the identifier.
  return std::holds_alternative<Protocol>(fields.destination_protocol());
}

// has_flow() made sure that there is one.
Protocol protocol_of(const ClassifiedProtocol& classified) noexcept {
  const auto* protocol = std::get_if<Protocol>(&classified);
  return protocol != nullptr ? *protocol : Protocol();
}

}  // namespace

std::optional<QuotedPacket> QuotedPacket::parse(std::span<uint8_t> body) noexcept {
  const auto quote = body.first(std::min(body.size(), stated_bytes(body)));
  const auto found = find_upper_layer(quote);
  const auto* upper = std::get_if<UpperLayer>(&found);
  if (upper == nullptr || upper->fragment_offset != 0) return std::nullopt;
  const PacketFields fields(quote, *upper);
  if (!has_flow(fields)) return std::nullopt;
  return QuotedPacket(fields);
}

Protocol QuotedPacket::source_protocol() const noexcept {
  return protocol_of(fields_.source_protocol());
}

Protocol QuotedPacket::destination_protocol() const noexcept {
  return protocol_of(fields_.destination_protocol());
}

}  // namespace connlib
