#include "connlib/packet/packet_fields.h"

#include <algorithm>
#include <array>

#include "connlib/packet/icmp_message.h"

namespace connlib {
namespace {

constexpr size_t kIpv4Checksum = 10;
constexpr size_t kTcpChecksum = 16;
constexpr size_t kUdpChecksum = 6;
constexpr size_t kIcmpChecksum = 2;

}  // namespace

ClassifiedProtocol PacketFields::protocol_at(size_t port) const noexcept {
  const auto upper_bytes = upper();
  switch (upper_protocol_) {
    case kProtocolTcp:
    case kProtocolUdp:
      if (!has_upper_bytes(port + 2)) return UnsupportedProtocol::kIpPayload;
      return Protocol{upper_protocol_ == kProtocolTcp ? Protocol::Kind::kTcp : Protocol::Kind::kUdp,
                      load_be16(&upper_bytes[port])};
    case kProtocolIcmpv4:
    case kProtocolIcmpv6: {
      const auto family = upper_protocol_ == kProtocolIcmpv4 ? IpFamily::kV4 : IpFamily::kV6;
      if (!has_upper_bytes(kEchoIdentifier + 2) || !is_icmp_echo(family, upper_bytes[0])) {
        return family == IpFamily::kV4 ? UnsupportedProtocol::kIcmpv4Type
                                       : UnsupportedProtocol::kIcmpv6Type;
      }
      return Protocol::icmp_echo(load_be16(&upper_bytes[kEchoIdentifier]));
    }
    default:
      return UnsupportedProtocol::kIpPayload;
  }
}

bool PacketFields::has_kind(Protocol::Kind kind) const noexcept {
  const ClassifiedProtocol own = protocol_at(kDestinationPort);
  const auto* protocol = std::get_if<Protocol>(&own);
  return protocol != nullptr && protocol->kind == kind;
}

bool PacketFields::set_address(size_t at, const IpAddress& address) noexcept {
  if (address.family() != header().family()) return false;
  const auto field = bytes_.subspan(at, address.bytes().size());
  ChecksumDelta delta;
  delta.replace(field, address.bytes());
  std::copy(address.bytes().begin(), address.bytes().end(), field.begin());
  if (address.is_v4()) {
    uint8_t* checksum = &bytes_[kIpv4Checksum];
    store_be16(checksum, delta.apply(load_be16(checksum)));
  }
  if (has_pseudo_header()) update_upper_checksum(delta);
  return true;
}

bool PacketFields::set_protocol(size_t port, Protocol protocol) noexcept {
  if (!has_kind(protocol.kind)) return false;
  const size_t at = protocol.kind == Protocol::Kind::kIcmpEcho ? kEchoIdentifier : port;
  const auto field = bytes_.subspan(upper_offset_ + at, 2);
  std::array<uint8_t, 2> value{};
  store_be16(value.data(), protocol.value);
  ChecksumDelta delta;
  delta.replace(field, value);
  std::copy(value.begin(), value.end(), field.begin());
  update_upper_checksum(delta);
  return true;
}

bool PacketFields::translate_destination(Protocol new_source,
                                         const IpAddress& new_destination) noexcept {
  return has_kind(new_source.kind) && set_destination(new_destination) &&
         set_source_protocol(new_source);
}

bool PacketFields::translate_source(Protocol new_destination,
                                    const IpAddress& new_source) noexcept {
  return has_kind(new_destination.kind) && set_source(new_source) &&
         set_destination_protocol(new_destination);
}

size_t PacketFields::checksum_offset() const noexcept {
  size_t at = 0;
  switch (upper_protocol_) {
    case kProtocolTcp:
      at = kTcpChecksum;
      break;
    case kProtocolUdp:
      at = kUdpChecksum;
      break;
    case kProtocolIcmpv4:
    case kProtocolIcmpv6:
      at = kIcmpChecksum;
      break;
    default:
      return 0;
  }
  return has_upper_bytes(at + 2) ? upper_offset_ + at : 0;
}

// as_transmitted() settles the two values that ones' complement has for zero.
uint16_t PacketFields::as_transmitted(uint16_t checksum) const noexcept {
  if (checksum != 0) return checksum;
  if (upper_protocol_ == kProtocolUdp) return 0xffff;  // RFC 768: 0 would mean "none".
  if (upper_protocol_ != kProtocolIcmpv4) return 0;
  // Without a pseudo-header, an ICMPv4 message can be all zeros: an echo reply with identifier,
  // sequence number and payload of zero. Its sum is +0, so its checksum is 0xffff.
  const auto message = upper();
  const auto is_zero = [](uint8_t byte) { return byte == 0; };
  const bool is_all_zero = std::all_of(message.begin(), message.begin() + kIcmpChecksum, is_zero) &&
                           std::all_of(message.begin() + kIcmpChecksum + 2, message.end(), is_zero);
  return is_all_zero ? 0xffff : 0;
}

void PacketFields::update_upper_checksum(const ChecksumDelta& delta) noexcept {
  const size_t at = checksum_offset();
  if (at == 0) return;
  const uint16_t before = load_be16(&bytes_[at]);
  if (upper_protocol_ == kProtocolUdp && before == 0) return;
  store_be16(&bytes_[at], as_transmitted(delta.apply(before)));
}

void PacketFields::write_checksums() noexcept {
  if (header().is_v4()) {
    const auto ip = bytes_.first(size_t{4} * (bytes_[0] & 15u));
    store_be16(&ip[kIpv4Checksum], 0);
    ChecksumSum sum;
    sum.add(ip);
    store_be16(&ip[kIpv4Checksum], sum.finished());
  }
  const size_t at = checksum_offset();
  if (at == 0) return;
  store_be16(&bytes_[at], 0);
  ChecksumSum sum;
  if (has_pseudo_header()) {
    sum.add_pseudo_header(bytes_, upper_protocol_, static_cast<uint32_t>(upper().size()));
  }
  sum.add(upper());
  const uint16_t checksum = sum.finished();
  store_be16(&bytes_[at], upper_protocol_ == kProtocolUdp ? as_transmitted(checksum) : checksum);
}

}  // namespace connlib
