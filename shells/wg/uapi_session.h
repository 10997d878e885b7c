#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "connlib/base/secret.h"
#include "shells/wg/uapi.h"

namespace connlib::wg {

// UapiSession is one client of the configuration socket without the socket: text in, requests out,
// answers back in, text out. Requests and answers hold keys: what is done with is wiped.
class UapiSession {
 public:
  static constexpr size_t kMaxRequestBytes = size_t{16} << 20;

  UapiSession() = default;
  ~UapiSession() {
    wipe_text(input_);
    wipe_text(output_);
  }
  UapiSession(const UapiSession&) = delete;
  UapiSession& operator=(const UapiSession&) = delete;

  // handle_input() appends what arrived; false when the request exceeds its limit.
  bool handle_input(std::string_view text) {
    if (text.size() > kMaxRequestBytes - input_.size()) return false;
    if (text.size() > input_.capacity() - input_.size()) {
      std::string larger;  // Grown by hand, so that the old storage can be wiped.
      larger.reserve(2 * (input_.size() + text.size()));
      larger = input_;
      wipe_text(input_);
      input_ = std::move(larger);
    }
    input_.append(text);
    return true;
  }

  // next_request() is the next whole request, parsed; nullopt while there is none.
  std::optional<UapiRequest> next_request() {
    const std::optional<size_t> bytes = request_bytes(input_, searched_);
    if (!bytes) {
      searched_ = input_.size();
      return std::nullopt;
    }
    searched_ = 0;
    std::optional<UapiRequest> request = parse_request(std::string_view(input_).substr(0, *bytes));
    std::string rest = input_.substr(*bytes);
    wipe_text(input_);
    input_ = std::move(rest);
    return request;
  }

  // The answers not yet written to the socket.
  std::string& output() { return output_; }
  std::string_view unwritten() const { return std::string_view(output_).substr(written_); }
  void handle_written(size_t bytes) {
    written_ += bytes;
    if (written_ < output_.size()) return;
    wipe_text(output_);
    output_ = {};
    written_ = 0;
  }

 private:
  static void wipe_text(std::string& text) {
    wipe(std::span(reinterpret_cast<uint8_t*>(text.data()), text.size()));
  }

  std::string input_;
  size_t searched_ = 0;
  std::string output_;
  size_t written_ = 0;
};

}  // namespace connlib::wg
