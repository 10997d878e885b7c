#pragma once

#include <optional>
#include <span>
#include <string>

#include "connlib/base/wakeup.h"
#include "snownet/ice/role.h"

namespace connlib::interop {

// PingPong is the conversation of two connected agents. The controlling one sends ping0 to ping19,
// waits a second at most for each pong, and says bye; the controlled one answers.
class PingPong {
 public:
  static constexpr int kPings = 20;
  static constexpr Duration kPatience = 1s;  // For one pong.

  explicit PingPong(snownet::ice::Role role) : role_(role) {}

  void start(Timestamp now);  // Both ends can send.
  void handle_message(Timestamp now, std::span<const uint8_t> message);
  void handle_timeout(Timestamp now);
  [[nodiscard]] std::optional<std::string> poll_message();
  [[nodiscard]] Wakeup poll_timeout() const { return {next_at_, "next ping"}; }

  bool is_over() const { return is_over_; }
  int echoed() const { return echoed_; }

 private:
  void proceed(Timestamp now);

  snownet::ice::Role role_;
  std::optional<std::string> message_;
  int sent_ = 0;
  int echoed_ = 0;
  bool is_over_ = false;
  Timestamp next_at_ = Timestamp::never();
};

}  // namespace connlib::interop
