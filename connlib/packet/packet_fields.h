#pragma once

#include <cstdint>
#include <span>

#include "connlib/base/ip.h"
#include "connlib/packet/ip_header.h"
#include "connlib/packet/protocol.h"
#include "connlib/packet/upper_layer.h"

namespace connlib {

// PacketFields reads and edits what filters and NAT care about in one IP packet: addresses, ports
// and echo identifiers. Each edit carries the checksums along by RFC 1624, those that are there: a
// packet quoted by an ICMP error may end before them. Checksums are never verified, so wrong ones
// stay wrong; a UDP checksum of 0 ("none") stays 0 and no other becomes 0 (RFC 768).
//
// `bytes` is borrowed and `upper` is what find_upper_layer() said about it. Edits that do not fit
// the packet return false and change nothing.
class PacketFields {
 public:
  PacketFields(std::span<uint8_t> bytes, const UpperLayer& upper) noexcept
      : bytes_(bytes), upper_offset_(upper.offset), upper_protocol_(upper.protocol) {}

  std::span<uint8_t> bytes() noexcept { return bytes_; }
  std::span<const uint8_t> bytes() const noexcept { return bytes_; }
  IpHeader header() const noexcept { return IpHeader(bytes_); }
  uint8_t upper_protocol() const noexcept { return upper_protocol_; }
  size_t upper_offset() const noexcept { return upper_offset_; }
  std::span<const uint8_t> upper() const noexcept { return bytes().subspan(upper_offset_); }

  ClassifiedProtocol source_protocol() const noexcept { return protocol_at(kSourcePort); }
  ClassifiedProtocol destination_protocol() const noexcept { return protocol_at(kDestinationPort); }

  // The family of the address must be the packet's.
  [[nodiscard]] bool set_source(const IpAddress& address) noexcept {
    return set_address(header().source_offset(), address);
  }
  [[nodiscard]] bool set_destination(const IpAddress& address) noexcept {
    return set_address(header().destination_offset(), address);
  }

  // The kind must be the packet's. An echo has one identifier, which both set.
  [[nodiscard]] bool set_source_protocol(Protocol protocol) noexcept {
    return set_protocol(kSourcePort, protocol);
  }
  [[nodiscard]] bool set_destination_protocol(Protocol protocol) noexcept {
    return set_protocol(kDestinationPort, protocol);
  }

  // The two NAT operations (spec tunnel 8.2): both fields or, when one does not fit, none.
  [[nodiscard]] bool translate_destination(Protocol new_source,
                                           const IpAddress& new_destination) noexcept;
  [[nodiscard]] bool translate_source(Protocol new_destination,
                                      const IpAddress& new_source) noexcept;

  // write_checksums() computes all checksums anew, for packets that we made ourselves. The packet
  // is whole.
  void write_checksums() noexcept;

 private:
  // From the start of the upper layer.
  static constexpr size_t kSourcePort = 0;
  static constexpr size_t kDestinationPort = 2;
  static constexpr size_t kEchoIdentifier = 4;

  bool has_upper_bytes(size_t n) const noexcept { return bytes_.size() - upper_offset_ >= n; }
  ClassifiedProtocol protocol_at(size_t port) const noexcept;
  bool has_kind(Protocol::Kind kind) const noexcept;
  bool set_address(size_t at, const IpAddress& address) noexcept;
  bool set_protocol(size_t port, Protocol protocol) noexcept;

  // Where the upper layer's checksum lies in `bytes_`; 0 when there is none.
  size_t checksum_offset() const noexcept;
  bool has_pseudo_header() const noexcept { return upper_protocol_ != kProtocolIcmpv4; }
  void update_upper_checksum(const ChecksumDelta& delta) noexcept;
  uint16_t as_transmitted(uint16_t checksum) const noexcept;

  std::span<uint8_t> bytes_;
  size_t upper_offset_;
  uint8_t upper_protocol_;
};

}  // namespace connlib
