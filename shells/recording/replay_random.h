#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <utility>

#include "connlib/base/random_source.h"

namespace connlib::recording {

// ReplayRandom gives what was drawn when the run was recorded. Whoever asks for anything else gets
// zeroes, and the run is known to have diverged.
class ReplayRandom final : public RandomSource {
 public:
  void add(std::string draw) { draws_.push_back(std::move(draw)); }

  void fill(std::span<uint8_t> out) override {
    if (draws_.empty() || draws_.front().size() != out.size()) {
      has_diverged_ = true;
      std::fill(out.begin(), out.end(), uint8_t{0});
      return;
    }
    std::copy(draws_.front().begin(), draws_.front().end(), out.begin());
    draws_.pop_front();
  }

  // Whether exactly the recorded draws were taken so far.
  bool is_exhausted() const { return draws_.empty() && !has_diverged_; }

 private:
  std::deque<std::string> draws_;
  bool has_diverged_ = false;
};

}  // namespace connlib::recording
