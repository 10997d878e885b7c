#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "connlib/base/bytes.h"
#include "connlib/base/ecn.h"
#include "connlib/base/ip.h"
#include "connlib/packet/checksum.h"

namespace connlib::wg {

// InnerHeader reads the few fields of an inner IP header that cryptokey routing needs. `packet` is
// borrowed and holds a whole IPv4 (20 bytes) or IPv6 (40 bytes) header, as SuperPacket and
// wireguard::Device make sure.
class InnerHeader {
 public:
  explicit InnerHeader(std::span<const uint8_t> packet) : packet_(packet) {}

  IpAddress source() const { return is_v4() ? v4(12) : v6(8); }
  IpAddress destination() const { return is_v4() ? v4(16) : v6(24); }
  Ecn ecn() const { return static_cast<Ecn>((is_v4() ? packet_[1] : packet_[1] >> 4) & 3); }

 private:
  bool is_v4() const { return packet_[0] >> 4 == 4; }
  IpAddress v4(size_t at) const {
    Ipv4Address out;
    std::copy_n(packet_.subspan(at, 4).data(), 4, out.bytes.begin());
    return out;
  }
  IpAddress v6(size_t at) const {
    Ipv6Address out;
    std::copy_n(packet_.subspan(at, 16).data(), 16, out.bytes.begin());
    return out;
  }

  std::span<const uint8_t> packet_;
};

// mark_congestion() carries an outer CE mark into an inner packet that speaks ECN; others stay
// (spec/tunnel.md §8.6). `packet` is as InnerHeader wants it.
inline void mark_congestion(std::span<uint8_t> packet) {
  const Ecn inner = InnerHeader(packet).ecn();
  if (inner != Ecn::kEct0 && inner != Ecn::kEct1) return;
  if (packet[0] >> 4 == 6) {
    packet[1] = static_cast<uint8_t>(packet[1] | 0x30);
    return;
  }
  const uint16_t before = load_be16(packet.data());
  packet[1] = static_cast<uint8_t>(packet[1] | 0x03);
  store_be16(packet.data() + 10,
             update_checksum(load_be16(packet.data() + 10), before, load_be16(packet.data())));
}

}  // namespace connlib::wg
