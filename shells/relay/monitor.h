#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

#include "connlib/base/ip.h"
#include "shells/common/event_loop.h"

struct MHD_Daemon;

namespace connlib::relay {

// Monitor answers GET requests of health checks and of Prometheus, on the loop of the process: no
// thread of its own. Connections and their time are bounded.
class Monitor {
 public:
  struct Page {
    unsigned status = 200;
    std::string content_type;
    std::string body;
  };
  // `handler` gets a path and gives its page; status 404 when there is none.
  using Handler = std::function<Page(std::string_view path)>;

  // Fails with AlreadyExists when the address is taken.
  static absl::StatusOr<std::unique_ptr<Monitor>> open(const SocketAddress& address,
                                                       shells::EventLoop& loop, Handler handler);
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;
  ~Monitor();

  const Handler& handler() const { return handler_; }

 private:
  explicit Monitor(Handler handler) : handler_(std::move(handler)) {}

  Handler handler_;
  MHD_Daemon* daemon_ = nullptr;
  std::optional<shells::EventLoop::Watch> watch_;
};

}  // namespace connlib::relay
