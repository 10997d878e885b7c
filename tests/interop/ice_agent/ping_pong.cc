#include "tests/interop/ice_agent/ping_pong.h"

#include <utility>

#include <fmt/format.h>

namespace connlib::interop {

using snownet::ice::Role;

void PingPong::start(Timestamp now) {
  if (role_ == Role::kControlling && sent_ == 0) proceed(now);
}

void PingPong::proceed(Timestamp now) {
  if (sent_ == kPings) {
    message_ = "bye";
    is_over_ = true;
    next_at_ = Timestamp::never();
    return;
  }
  message_ = fmt::format("ping{}", sent_++);
  next_at_ = now + kPatience;
}

void PingPong::handle_message(Timestamp now, std::span<const uint8_t> message) {
  const std::string text(message.begin(), message.end());
  if (role_ == Role::kControlling) {
    if (is_over_ || text != fmt::format("pong{}", sent_ - 1)) return;
    ++echoed_;
    proceed(now);
  } else if (text == "bye") {
    is_over_ = true;
  } else if (text.starts_with("ping")) {
    ++echoed_;
    message_ = "pong" + text.substr(4);
  }
}

void PingPong::handle_timeout(Timestamp now) {
  if (next_at_ <= now) proceed(now);
}

std::optional<std::string> PingPong::poll_message() { return std::exchange(message_, {}); }

}  // namespace connlib::interop
