#pragma once

#include <deque>
#include <span>

#include "connlib/base/random_source.h"

namespace connlib::testing {

// ScriptedRandom gives the bytes a test lined up, then those of a seeded source.
class ScriptedRandom final : public RandomSource {
 public:
  void expect(std::span<const uint8_t> bytes) {
    script_.insert(script_.end(), bytes.begin(), bytes.end());
  }
  void fill(std::span<uint8_t> out) override {
    for (uint8_t& byte : out) {
      if (script_.empty()) {
        fallback_.fill({&byte, 1});
      } else {
        byte = script_.front();
        script_.pop_front();
      }
    }
  }
  bool is_used_up() const { return script_.empty(); }

 private:
  std::deque<uint8_t> script_;
  SeededRandom fallback_{1};
};

}  // namespace connlib::testing
