#pragma once

#include <cstddef>
#include <cstdint>

namespace connlib::dns {

inline constexpr size_t kMinUdpPayloadBytes = 512;  // RFC 1035 §4.2.1, RFC 6891 §6.2.3

// Edns is what the OPT pseudo-record says (RFC 6891 §6.1). Options are neither kept nor written:
// none of them is for a resolver that answers from its own machine.
struct Edns {
  uint16_t udp_payload_bytes = kMinUdpPayloadBytes;  // What the sender can take.
  uint8_t extended_code = 0;                         // The upper eight bits of the response code.
  uint8_t version = 0;
  bool dnssec_ok = false;

  static constexpr Edns decode(uint16_t cls, uint32_t ttl) {
    return {.udp_payload_bytes = cls,
            .extended_code = static_cast<uint8_t>(ttl >> 24),
            .version = static_cast<uint8_t>(ttl >> 16),
            .dnssec_ok = (ttl & 0x8000) != 0};
  }
  constexpr uint32_t ttl() const {
    return uint32_t{extended_code} << 24 | uint32_t{version} << 16 | (dnssec_ok ? 0x8000u : 0u);
  }

  friend constexpr bool operator==(const Edns&, const Edns&) = default;
};

}  // namespace connlib::dns
