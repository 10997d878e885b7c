#include "wireguard/session/replay_window.h"

#include <algorithm>

namespace connlib::wireguard {

bool ReplayWindow::is_acceptable(uint64_t counter) const noexcept {
  if (counter >= kRejectAfterMessages) return false;
  if (counter >= next_) return true;
  // Differences only: `counter + kReach` could overflow (spec §11).
  if (next_ - 1 - counter > kReach) return false;
  return (word(counter) >> (counter % 64) & 1) == 0;
}

bool ReplayWindow::mark(uint64_t counter) noexcept {
  if (!is_acceptable(counter)) return false;
  const uint64_t bit = uint64_t{1} << (counter % 64);
  ++accepted_;
  if (ring_ == nullptr) {
    if (counter / 64 < kFewWords) {
      few_[counter / 64] |= bit;
      next_ = std::max(next_, counter + 1);
      return true;
    }
    ring_ = std::make_unique<Ring>();
    std::copy(few_.begin(), few_.end(), ring_->begin());
  }
  Ring& words = *ring_;
  const uint64_t word = counter / 64;
  if (counter >= next_) {
    const uint64_t old_word = next_ == 0 ? 0 : (next_ - 1) / 64;
    const uint64_t to_clear = std::min(word - old_word, kWords);
    for (uint64_t i = 1; i <= to_clear; ++i) words[(old_word + i) % kWords] = 0;
    next_ = counter + 1;
  }
  words[word % kWords] |= bit;
  return true;
}

}  // namespace connlib::wireguard
