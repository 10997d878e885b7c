#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "connlib/base/bytes.h"
#include "connlib/base/ecn.h"
#include "connlib/base/ip.h"
#include "connlib/packet/checksum.h"

namespace connlib {

inline constexpr size_t kIpv4MinHeaderBytes = 20;  // RFC 791 §3.1, without options.
inline constexpr size_t kIpv6HeaderBytes = 40;     // RFC 8200 §3.

// total_length() is how many bytes the packet at the start of `bytes` says it has, its IP header
// included (RFC 791 §3.1; RFC 8200 §3: Payload Length + 40). It may be more than there are. 0 when
// `bytes` hold no whole fixed header of version 4 or 6, or when the packet claims less than that.
inline size_t total_length(std::span<const uint8_t> bytes) noexcept {
  if (bytes.empty()) return 0;
  const uint8_t version = bytes[0] >> 4;
  if (version == 4 && bytes.size() >= kIpv4MinHeaderBytes) {
    const size_t length = load_be16(&bytes[2]);
    return length < kIpv4MinHeaderBytes ? 0 : length;
  }
  if (version == 6 && bytes.size() >= kIpv6HeaderBytes) {
    return kIpv6HeaderBytes + load_be16(&bytes[4]);
  }
  return 0;
}

// IpHeader reads the fields that IPv4 and IPv6 headers share. `packet` is borrowed, is of version 4
// or 6 and holds the whole fixed header (20 or 40 bytes); what follows does not matter.
class IpHeader {
 public:
  explicit IpHeader(std::span<const uint8_t> packet) noexcept : packet_(packet) {}

  bool is_v4() const noexcept { return packet_[0] >> 4 == 4; }
  IpFamily family() const noexcept { return is_v4() ? IpFamily::kV4 : IpFamily::kV6; }

  // Where the addresses lie and how long they are.
  size_t source_offset() const noexcept { return is_v4() ? 12 : 8; }
  size_t destination_offset() const noexcept { return is_v4() ? 16 : 24; }
  size_t address_bytes() const noexcept { return is_v4() ? 4 : 16; }

  IpAddress source() const noexcept { return address_at(source_offset()); }
  IpAddress destination() const noexcept { return address_at(destination_offset()); }
  Ecn ecn() const noexcept {
    return static_cast<Ecn>((is_v4() ? packet_[1] : packet_[1] >> 4) & 3);
  }
  uint8_t hop_limit() const noexcept { return is_v4() ? packet_[8] : packet_[7]; }

 private:
  IpAddress address_at(size_t at) const noexcept {
    if (is_v4()) return read<Ipv4Address>(at);
    return read<Ipv6Address>(at);
  }
  template <typename Address>
  Address read(size_t at) const noexcept {
    Address out;
    std::copy_n(packet_.subspan(at, out.bytes.size()).data(), out.bytes.size(), out.bytes.begin());
    return out;
  }

  std::span<const uint8_t> packet_;
};

// set_ecn() writes the congestion field and keeps the IPv4 header checksum right. `packet` is as
// IpHeader wants it.
inline void set_ecn(std::span<uint8_t> packet, Ecn ecn) noexcept {
  const auto value = static_cast<unsigned>(ecn);
  if (!IpHeader(packet).is_v4()) {
    packet[1] = static_cast<uint8_t>((packet[1] & 0xcfu) | value << 4);
    return;
  }
  const uint16_t before = load_be16(packet.data());
  packet[1] = static_cast<uint8_t>((packet[1] & 0xfcu) | value);
  store_be16(packet.data() + 10,
             update_checksum(load_be16(packet.data() + 10), before, load_be16(packet.data())));
}

// mark_congestion() carries an outer CE mark into an inner packet that speaks ECN; others stay
// (spec tunnel 8.6, RFC 6040 §4.2). `packet` is as IpHeader wants it.
inline void mark_congestion(std::span<uint8_t> packet) noexcept {
  const Ecn inner = IpHeader(packet).ecn();
  if (inner == Ecn::kEct0 || inner == Ecn::kEct1) set_ecn(packet, Ecn::kCe);
}

}  // namespace connlib
