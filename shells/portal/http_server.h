#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <absl/status/statusor.h>

#include "connlib/base/ip.h"
#include "shells/portal/api/http.h"

struct lws_context;

namespace connlib::portald {

inline constexpr size_t kMaxConnections = 4096;  // Ours.
inline constexpr unsigned kSilenceSeconds = 10;  // Ours: of a request that does not go on.

// HttpServer serves one address with libwebsockets on its libuv loop. Connections, their silence,
// headers and bodies are bounded. One per process: it owns the process's SIGTERM and SIGINT.
class HttpServer {
 public:
  struct Options {
    SocketAddress address;
    std::string certificate{}, key{};  // PEM files; both empty: without TLS.
  };
  using Handler = std::function<HttpResponse(const HttpRequest& request)>;

  // AlreadyExists when the address is taken, InvalidArgument when it or a file cannot be used.
  static absl::StatusOr<std::unique_ptr<HttpServer>> open(const Options& options, Handler handler);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

  void run();  // Until SIGTERM or SIGINT.

  const Handler& handler() const { return handler_; }

 private:
  explicit HttpServer(Handler handler) : handler_(std::move(handler)) {}

  Handler handler_;
  lws_context* context_ = nullptr;
};

}  // namespace connlib::portald
