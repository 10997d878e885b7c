#include "connlib/packet/icmp_error.h"

#include <algorithm>

#include "connlib/base/bytes.h"

namespace connlib {
namespace {

constexpr uint8_t kFragmentationNeeded = 4;
constexpr size_t kMaxIpv4QuotedPayload = 8;
constexpr size_t kMaxIpv6Quote = IpPacket::kMaxBytes - kIpv6HeaderBytes - kIcmpHeaderBytes;

bool is_understood(const IcmpMessage& message) noexcept {
  if (message.family() == IpFamily::kV4) {
    return message.type() == kIcmpv4Unreachable || message.type() == kIcmpv4TimeExceeded;
  }
  return message.type() == kIcmpv6Unreachable || message.type() == kIcmpv6PacketTooBig ||
         message.type() == kIcmpv6TimeExceeded;
}

// Only an MTU is read and written: other uses of the word describe the quote (RFC 4884), and ours
// is a new one.
uint32_t mtu_mask(const IcmpError& error) noexcept {
  if (error.family == IpFamily::kV6) return error.type == kIcmpv6PacketTooBig ? 0xffffffff : 0;
  return error.type == kIcmpv4Unreachable && error.code == kFragmentationNeeded ? 0xffff : 0;
}

// The part of `failed` that is quoted; empty when it is no packet of this family.
std::span<const uint8_t> quote_of(IpFamily family, std::span<const uint8_t> failed) noexcept {
  const bool is_v4 = family == IpFamily::kV4;
  if (failed.size() < (is_v4 ? kIpv4MinHeaderBytes : kIpv6HeaderBytes)) return {};
  if (failed[0] >> 4 != (is_v4 ? 4 : 6)) return {};
  const size_t most = is_v4 ? size_t{4} * (failed[0] & 15u) + kMaxIpv4QuotedPayload : kMaxIpv6Quote;
  return failed.first(std::min(failed.size(), most));
}

void write_ip_header(const IcmpErrorAddresses& addresses, size_t packet_bytes,
                     ByteWriter& out) noexcept {
  if (addresses.source.is_v4()) {
    out.be16(0x4500);
    out.be16(static_cast<uint16_t>(packet_bytes));
    out.be16(0);       // RFC 6864 §4.1: an atomic datagram needs no identification,
    out.be16(0x4000);  // and DF makes it one.
    out.u8(kIcmpErrorHopLimit);
    out.u8(kProtocolIcmpv4);
    out.be16(0);  // The checksum comes last.
  } else {
    out.be32(0x60000000);
    out.be16(static_cast<uint16_t>(packet_bytes - kIpv6HeaderBytes));
    out.u8(kProtocolIcmpv6);
    out.u8(kIcmpErrorHopLimit);
  }
  out.bytes(addresses.source.bytes());
  out.bytes(addresses.destination.bytes());
}

}  // namespace

std::optional<IcmpErrorMessage> parse_icmp_error(IpPacket& packet) noexcept {
  const auto message = packet.icmp();
  if (!message || !is_understood(*message)) return std::nullopt;
  const auto bytes = packet.bytes();
  auto quoted = QuotedPacket::parse(bytes.last(message->body().size()));
  if (!quoted || quoted->source().family() != packet.family()) return std::nullopt;
  IcmpError error{packet.family(), message->type(), message->code()};
  error.mtu = message->rest_of_header() & mtu_mask(error);
  return IcmpErrorMessage{error, *quoted};
}

std::span<uint8_t> write_icmp_error(const IcmpError& error, const IcmpErrorAddresses& addresses,
                                    std::span<const uint8_t> failed,
                                    std::span<uint8_t> out) noexcept {
  if (addresses.source.family() != error.family || addresses.destination.family() != error.family) {
    return {};
  }
  const auto quote = quote_of(error.family, failed);
  if (quote.empty()) return {};
  const bool is_v4 = error.family == IpFamily::kV4;
  const UpperLayer upper{.protocol = is_v4 ? kProtocolIcmpv4 : kProtocolIcmpv6,
                         .offset = is_v4 ? kIpv4MinHeaderBytes : kIpv6HeaderBytes};
  ByteWriter writer(out);
  write_ip_header(addresses, upper.offset + kIcmpHeaderBytes + quote.size(), writer);
  writer.u8(error.type);
  writer.u8(error.code);
  writer.be16(0);
  writer.be32(error.mtu & mtu_mask(error));
  writer.bytes(quote);
  if (!writer.ok()) return {};
  PacketFields(writer.written(), upper).write_checksums();
  return writer.written();
}

std::span<uint8_t> answer_with_icmp_error(const IcmpError& error, const IpPacket& failed,
                                          std::span<uint8_t> out) noexcept {
  if (failed.is_icmp_error() || failed.destination().is_multicast()) return {};
  if (failed.source().is_multicast() || failed.source().is_unspecified()) return {};
  return write_icmp_error(error, {.source = failed.destination(), .destination = failed.source()},
                          failed.bytes(), out);
}

}  // namespace connlib
