#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "connlib/base/ip.h"
#include "connlib/packet/packet_fields.h"
#include "connlib/packet/protocol.h"

namespace connlib {

// QuotedPacket is the packet that an ICMP error quotes: the one that failed, usually cut short. It
// has ports or the identifier of an echo request, so its flow can be found and NAT be undone in it.
//
// It borrows and edits the error's bytes; afterwards the checksum of the error around it is stale,
// until write_icmp_error() makes a new one.
class QuotedPacket {
 public:
  // parse() reads the body of an ICMP error. nullopt when no flow can be told from it: cut off too
  // early, a later fragment, another protocol, an echo reply.
  static std::optional<QuotedPacket> parse(std::span<uint8_t> body) noexcept;

  // Without what some routers append to the quote (RFC 4884).
  std::span<const uint8_t> bytes() const noexcept { return fields_.bytes(); }

  IpAddress source() const noexcept { return fields_.header().source(); }
  IpAddress destination() const noexcept { return fields_.header().destination(); }
  Protocol source_protocol() const noexcept;
  Protocol destination_protocol() const noexcept;

  // Edits, as PacketFields describes them.
  [[nodiscard]] bool translate_destination(Protocol new_source,
                                           const IpAddress& new_destination) noexcept {
    return fields_.translate_destination(new_source, new_destination);
  }
  [[nodiscard]] bool translate_source(Protocol new_destination,
                                      const IpAddress& new_source) noexcept {
    return fields_.translate_source(new_destination, new_source);
  }

 private:
  explicit QuotedPacket(const PacketFields& fields) noexcept : fields_(fields) {}
  PacketFields fields_;
};

}  // namespace connlib
