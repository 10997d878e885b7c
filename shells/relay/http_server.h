#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <absl/status/statusor.h>

#include "connlib/base/ip.h"
#include "shells/common/event_loop.h"
#include "shells/relay/http_page.h"

struct MHD_Daemon;

namespace connlib::relay {

// HttpServer answers requests without a body on the loop of the process: no thread of its own.
// Connections, their memory and their silence are bounded.
class HttpServer {
 public:
  using Handler = std::function<HttpPage(const HttpRequest& request)>;

  // Fails with AlreadyExists when the address is taken.
  static absl::StatusOr<std::unique_ptr<HttpServer>> open(const SocketAddress& address,
                                                          shells::EventLoop& loop, Handler handler);
  // Serves `fd`, a listening socket that does not block, and closes it; `name` is for errors.
  static absl::StatusOr<std::unique_ptr<HttpServer>> serve(int fd, const std::string& name,
                                                           shells::EventLoop& loop,
                                                           Handler handler);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

  const Handler& handler() const { return handler_; }

 private:
  explicit HttpServer(Handler handler) : handler_(std::move(handler)) {}
  void run();

  Handler handler_;
  MHD_Daemon* daemon_ = nullptr;
  int timer_fd_ = -1;  // When the library wants to end silent connections.
  std::optional<shells::EventLoop::Watch> watch_;
  std::optional<shells::EventLoop::Watch> timer_watch_;
};

}  // namespace connlib::relay
