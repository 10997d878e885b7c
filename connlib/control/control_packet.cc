#include "connlib/control/control_packet.h"

#include <algorithm>

#include "connlib/base/bytes.h"
#include "connlib/packet/ip_header.h"

namespace connlib::control {

bool is_control_traffic(std::span<const uint8_t> packet) noexcept {
  if (packet.size() < kIpv6HeaderBytes || packet[0] >> 4 != 6) return false;
  if (packet[6] != kControlNextHeader) return false;
  const auto addresses = packet.subspan(8, 32);
  return std::all_of(addresses.begin(), addresses.end(), [](uint8_t byte) { return byte == 0; });
}

std::optional<ControlPacket> parse_control_packet(std::span<const uint8_t> packet) noexcept {
  if (!is_control_traffic(packet) || packet.size() > IpPacket::kMaxBytes) return std::nullopt;
  if (kIpv6HeaderBytes + load_be16(&packet[4]) != packet.size()) return std::nullopt;
  if (packet.size() < kControlOverheadBytes) return std::nullopt;
  return ControlPacket{packet[kIpv6HeaderBytes], packet.subspan(kControlOverheadBytes)};
}

std::span<uint8_t> write_control_packet(uint8_t type, std::span<const uint8_t> payload,
                                        std::span<uint8_t> out) noexcept {
  if (payload.size() > kMaxControlPayloadBytes) return {};
  ByteWriter writer(out);
  writer.be32(0x60000000);
  writer.be16(static_cast<uint16_t>(kControlHeaderBytes + payload.size()));
  writer.u8(kControlNextHeader);
  writer.u8(0);
  writer.zeros(32);
  writer.u8(type);
  writer.zeros(kControlHeaderBytes - 1);
  writer.bytes(payload);
  return writer.ok() ? writer.written() : std::span<uint8_t>();
}

std::array<uint8_t, kControlOverheadBytes> goodbye_packet() noexcept {
  std::array<uint8_t, kControlOverheadBytes> out{};
  write_control_packet(kGoodbyeType, {}, out);
  return out;
}

}  // namespace connlib::control
