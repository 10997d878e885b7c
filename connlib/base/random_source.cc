#include "connlib/base/random_source.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace connlib {

uint32_t RandomSource::next_u32() {
  uint32_t value = 0;
  std::array<uint8_t, sizeof value> raw = bytes<sizeof value>();
  std::memcpy(&value, raw.data(), sizeof value);
  return value;
}

uint64_t RandomSource::next_u64() {
  uint64_t value = 0;
  std::array<uint8_t, sizeof value> raw = bytes<sizeof value>();
  std::memcpy(&value, raw.data(), sizeof value);
  return value;
}

uint64_t RandomSource::below(uint64_t bound) {
  if (bound == 0) return 0;
  // Rejection keeps it uniform: values under 2^64 mod bound would favour small results.
  const uint64_t threshold = (0 - bound) % bound;
  for (;;) {
    const uint64_t draw = next_u64();
    if (draw >= threshold) return draw % bound;
  }
}

SeededRandom::SeededRandom(uint64_t seed) {
  for (uint64_t& word : state_) {  // splitmix64 spreads the seed over the state.
    seed += 0x9e3779b97f4a7c15;
    uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    word = z ^ (z >> 31);
  }
}

uint64_t SeededRandom::next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

void SeededRandom::fill(std::span<uint8_t> out) {
  while (!out.empty()) {
    const uint64_t word = next();
    const size_t n = std::min(out.size(), sizeof word);
    std::memcpy(out.data(), &word, n);
    out = out.subspan(n);
  }
}

SeededRandom SeededRandom::fork() { return SeededRandom(next()); }

}  // namespace connlib
