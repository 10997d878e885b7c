#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace connlib::snownet::node {

// The packet that says "this connection is over": IPv6 from :: to ::, next header 255, hop limit 0,
// eight bytes of payload, the first of them 2 (snownet §4.9). Best effort, sent once.
inline constexpr std::array<uint8_t, 48> kGoodbyePacket = [] {
  std::array<uint8_t, 48> packet{};
  packet[0] = 0x60;
  packet[5] = 8;     // Payload length.
  packet[6] = 0xff;  // Next header: reserved.
  packet[40] = 2;
  return packet;
}();

// is_goodbye() tells one among delivered packets; whoever gets it calls remove_connection().
inline bool is_goodbye(std::span<const uint8_t> packet) {
  return std::equal(packet.begin(), packet.end(), kGoodbyePacket.begin(), kGoodbyePacket.end());
}

}  // namespace connlib::snownet::node
