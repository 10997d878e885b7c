#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace connlib {

// RandomSource is the only way randomness enters the core. Shells give the OS's, tests a seeded
// one.
class RandomSource {
 public:
  virtual ~RandomSource() = default;

  // fill() overwrites `out` with random bytes. It cannot fail: a shell that cannot get randomness
  // stops.
  virtual void fill(std::span<uint8_t> out) = 0;

  uint32_t next_u32();
  uint64_t next_u64();

  // below() is uniform in [0, bound); 0 when `bound` is 0.
  uint64_t below(uint64_t bound);

  template <size_t N>
  std::array<uint8_t, N> bytes() {
    std::array<uint8_t, N> out{};
    fill(out);
    return out;
  }
};

// SeededRandom is xoshiro256** behind the same face: equal seeds give equal bytes. For tests,
// simulations and jitter; never for keys.
class SeededRandom final : public RandomSource {
 public:
  explicit SeededRandom(uint64_t seed);
  void fill(std::span<uint8_t> out) override;

  // fork() gives an independent stream, so that one component's draws do not shift another's.
  SeededRandom fork();

 private:
  uint64_t next();
  std::array<uint64_t, 4> state_{};
};

}  // namespace connlib
