#pragma once

#include <optional>
#include <utility>

namespace connlib::client {

// Tracked<T> tells a consumer about a value when it differs from what the consumer saw last (spec
// tunnel 0.3). Any number of updates collapse into one, and there and back again into none.
template <typename T>
class Tracked {
 public:
  void update(T value) {
    has_news_ = !was_seen_ || value != value_;
    if (has_news_) news_ = std::move(value);
  }

  bool has_news() const { return has_news_; }

  // poll() is the latest value, once; nullopt when the consumer knows it already.
  std::optional<T> poll() {
    if (!has_news_) return std::nullopt;
    value_ = std::exchange(news_, T());
    was_seen_ = true;
    has_news_ = false;
    return value_;
  }

 private:
  T value_{};  // What the consumer saw last, if it saw one.
  T news_{};   // What it shall see next, if there is such a thing.
  bool was_seen_ = false;
  bool has_news_ = false;
};

}  // namespace connlib::client
