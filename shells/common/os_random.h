#pragma once

#include "connlib/base/random_source.h"

namespace connlib::shells {

// OsRandom is OpenSSL's private generator, seeded by the OS. A machine without randomness cannot
// have secrets: fill() then ends the process.
class OsRandom final : public RandomSource {
 public:
  void fill(std::span<uint8_t> out) override;
};

}  // namespace connlib::shells
