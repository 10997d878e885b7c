#include "connlib/packet/checksum.h"

#include <bit>
#include <cstring>

#include "connlib/base/bytes.h"

namespace connlib {
namespace {

uint16_t fold(uint64_t sum) noexcept {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

uint16_t to_native(uint16_t host) noexcept {
  uint8_t bytes[2];
  store_be16(bytes, host);
  uint16_t native = 0;
  std::memcpy(&native, bytes, sizeof native);
  return native;
}

// sum_blocks() adds up the leading part of `bytes` with wide vectors where the processor has them,
// and takes it off: distributions build for processors without.
#if defined(__x86_64__)
using Lanes [[gnu::vector_size(32)]] = uint64_t;  // An extension of GCC and Clang.

[[gnu::target("avx2")]] uint64_t sum_blocks_avx2(std::span<const uint8_t>& bytes) noexcept {
  constexpr Lanes kLowHalf = {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff};
  constexpr size_t kBlockBytes = 2 * sizeof(Lanes);
  // The two 32-bit halves of each 64-bit word are summed apart.
  Lanes low = {};
  Lanes high = {};
  const uint8_t* p = bytes.data();
  size_t n = bytes.size();
  for (; n >= kBlockBytes; n -= kBlockBytes, p += kBlockBytes) {
    Lanes first = {};
    Lanes second = {};
    std::memcpy(&first, p, sizeof first);
    std::memcpy(&second, p + sizeof first, sizeof second);
    low += (first & kLowHalf) + (second & kLowHalf);
    high += (first >> 32) + (second >> 32);
  }
  bytes = bytes.last(n);
  const Lanes sum = low + high;
  return sum[0] + sum[1] + sum[2] + sum[3];
}

uint64_t sum_blocks(std::span<const uint8_t>& bytes) noexcept {
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  return has_avx2 && bytes.size() >= 64 ? sum_blocks_avx2(bytes) : 0;
}
#else
uint64_t sum_blocks(std::span<const uint8_t>&) noexcept { return 0; }
#endif

// RFC 1624 eqn. 3: HC' = ~(~HC + ~m + m').
uint16_t fold_change(uint16_t checksum, uint16_t removed, uint16_t added) noexcept {
  uint32_t sum = static_cast<uint16_t>(~checksum);
  sum += static_cast<uint16_t>(~removed);
  sum += added;
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

}  // namespace

void ChecksumSum::add(std::span<const uint8_t> bytes) noexcept {
  // 32-bit words into 64-bit lanes: packets are far too short for a carry to get lost, and the
  // compiler turns the loop into vector instructions.
  uint64_t sum = sum_blocks(bytes);
  const uint8_t* p = bytes.data();
  size_t n = bytes.size();
  for (; n >= 4; n -= 4, p += 4) {
    uint32_t word = 0;
    std::memcpy(&word, p, sizeof word);
    sum += word;
  }
  if (n >= 2) {
    uint16_t word = 0;
    std::memcpy(&word, p, sizeof word);
    sum += word;
    p += 2;
    n -= 2;
  }
  if (n == 1) {
    const uint8_t last[2] = {*p, 0};
    uint16_t word = 0;
    std::memcpy(&word, last, sizeof word);
    sum += word;
  }
  sum_ += sum;
}

void ChecksumSum::add_be16(uint16_t value) noexcept { sum_ += to_native(value); }

void ChecksumSum::add_pseudo_header(std::span<const uint8_t> ip_header, uint8_t protocol,
                                    uint32_t length) noexcept {
  add(ip_header[0] >> 4 == 4 ? ip_header.subspan(12, 8) : ip_header.subspan(8, 32));
  add_be16(protocol);
  add_be16(static_cast<uint16_t>(length >> 16));
  add_be16(static_cast<uint16_t>(length));
}

uint16_t ChecksumSum::folded() const noexcept {
  // Folded in native order; reading the bytes back gives host order.
  const uint16_t native = fold(sum_);
  uint8_t bytes[2];
  std::memcpy(bytes, &native, sizeof native);
  return load_be16(bytes);
}

void ChecksumDelta::replace(std::span<const uint8_t> old_bytes,
                            std::span<const uint8_t> new_bytes) noexcept {
  removed_.add(old_bytes);
  added_.add(new_bytes);
}

uint16_t ChecksumDelta::apply(uint16_t checksum) const noexcept {
  return fold_change(checksum, removed_.folded(), added_.folded());
}

uint16_t update_checksum(uint16_t checksum, uint16_t old_word, uint16_t new_word) noexcept {
  return fold_change(checksum, old_word, new_word);
}

}  // namespace connlib
