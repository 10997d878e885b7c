#include "snownet/stun/fingerprint.h"

#include <array>

namespace connlib::snownet::stun {
namespace {

constexpr uint32_t kFingerprintMask = 0x5354554e;  // "STUN"
constexpr uint32_t kPolynomial = 0xedb88320;       // ISO HDLC, bits reversed.

consteval std::array<uint32_t, 256> crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < table.size(); ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? kPolynomial : 0);
    table[i] = crc;
  }
  return table;
}

constexpr std::array<uint32_t, 256> kTable = crc_table();

}  // namespace

uint32_t fingerprint(std::initializer_list<std::span<const uint8_t>> parts) noexcept {
  uint32_t crc = 0xffffffff;
  for (const auto part : parts) {
    for (const uint8_t byte : part) crc = (crc >> 8U) ^ kTable[(crc ^ byte) & 0xffU];
  }
  return ~crc ^ kFingerprintMask;
}

}  // namespace connlib::snownet::stun
