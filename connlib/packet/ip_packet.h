#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>

#include "connlib/base/ip.h"
#include "connlib/packet/icmp_message.h"
#include "connlib/packet/ip_header.h"
#include "connlib/packet/packet_error.h"
#include "connlib/packet/packet_fields.h"
#include "connlib/packet/protocol.h"
#include "connlib/packet/tcp_segment.h"
#include "connlib/packet/udp_datagram.h"

namespace connlib {

// IpPacket is a view of one whole IP packet inside the tunnel. parse() validates once; what it
// gives out afterwards cannot fail. It borrows the bytes, copies nothing and allocates nothing.
class IpPacket {
 public:
  static constexpr size_t kMaxBytes = 1280;  // The inner MTU (spec tunnel 1).

  // parse() checks the IP header, its options or extension headers, and the UDP, TCP or ICMP header
  // against the length of `bytes` (spec tunnel 8.1). Any other upper layer is opaque. Checksums are
  // not verified: the authenticated tunnel and the kernels do that.
  static std::variant<IpPacket, PacketError> parse(std::span<uint8_t> bytes) noexcept;

  std::span<uint8_t> bytes() noexcept { return fields_.bytes(); }
  std::span<const uint8_t> bytes() const noexcept { return fields_.bytes(); }

  IpFamily family() const noexcept { return fields_.header().family(); }
  IpAddress source() const noexcept { return fields_.header().source(); }
  IpAddress destination() const noexcept { return fields_.header().destination(); }
  Ecn ecn() const noexcept { return fields_.header().ecn(); }
  uint8_t hop_limit() const noexcept { return fields_.header().hop_limit(); }

  // The protocol number and the bytes behind options and extension headers.
  uint8_t upper_protocol() const noexcept { return fields_.upper_protocol(); }
  std::span<const uint8_t> upper() const noexcept { return fields_.upper(); }

  std::optional<UdpDatagram> udp() const noexcept;
  std::optional<TcpSegment> tcp() const noexcept;
  std::optional<IcmpMessage> icmp() const noexcept;
  bool is_icmp_error() const noexcept;

  ClassifiedProtocol source_protocol() const noexcept { return fields_.source_protocol(); }
  ClassifiedProtocol destination_protocol() const noexcept {
    return fields_.destination_protocol();
  }

  // Edits, as PacketFields describes them.
  [[nodiscard]] bool set_source(const IpAddress& address) noexcept {
    return fields_.set_source(address);
  }
  [[nodiscard]] bool set_destination(const IpAddress& address) noexcept {
    return fields_.set_destination(address);
  }
  [[nodiscard]] bool set_source_protocol(Protocol protocol) noexcept {
    return fields_.set_source_protocol(protocol);
  }
  [[nodiscard]] bool set_destination_protocol(Protocol protocol) noexcept {
    return fields_.set_destination_protocol(protocol);
  }
  [[nodiscard]] bool translate_destination(Protocol new_source,
                                           const IpAddress& new_destination) noexcept {
    return fields_.translate_destination(new_source, new_destination);
  }
  [[nodiscard]] bool translate_source(Protocol new_destination,
                                      const IpAddress& new_source) noexcept {
    return fields_.translate_source(new_destination, new_source);
  }
  void set_ecn(Ecn ecn) noexcept { connlib::set_ecn(bytes(), ecn); }
  void mark_congestion() noexcept { connlib::mark_congestion(bytes()); }
  void write_checksums() noexcept { fields_.write_checksums(); }

 private:
  explicit IpPacket(const PacketFields& fields) noexcept : fields_(fields) {}
  PacketFields fields_;
};

}  // namespace connlib
