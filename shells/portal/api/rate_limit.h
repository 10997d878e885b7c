#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "connlib/base/timestamp.h"

namespace connlib::portald {

// RateLimit lets each name do something `burst` times at once, and once more per `interval`.
class RateLimit {
 public:
  RateLimit(size_t burst, Duration interval) : burst_(burst), interval_(interval) {}

  // Whether `name` may, now; if so it is counted. With kMaxNames of them that are not forgotten yet
  // nobody new may: a flood of names shall not push out the ones that are slowed down.
  bool allows(const std::string& name, Timestamp now);

  static constexpr size_t kMaxNames = 10'000;

 private:
  size_t burst_;
  Duration interval_;
  std::map<std::string, Timestamp> full_at_;  // When all of the burst may be used again.
};

}  // namespace connlib::portald
