#include "shells/relay/http_server.h"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "shells/linux/errno_status.h"
#include "shells/linux/socket_address.h"

namespace connlib::relay {
namespace {

constexpr unsigned kMaxConnections = 32;
constexpr unsigned kMaxConnectionsPerAddress = 8;
constexpr unsigned kTimeoutSeconds = 10;  // Of silence.
constexpr size_t kConnectionMemory = 16 << 10;

MHD_Result respond(MHD_Connection* connection, const HttpPage& page) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): MHD copies it.
  void* body = const_cast<char*>(page.body.data());
  MHD_Response* response =
      MHD_create_response_from_buffer(page.body.size(), body, MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, page.content_type.c_str());
  const MHD_Result queued = MHD_queue_response(connection, page.status, response);
  MHD_destroy_response(response);
  return queued;
}

MHD_Result add_argument(void* arguments, MHD_ValueKind /*kind*/, const char* key,
                        const char* value) {
  (*static_cast<std::map<std::string, std::string>*>(arguments))[key] =
      value == nullptr ? "" : value;
  return MHD_YES;
}

MHD_Result on_request(void* self, MHD_Connection* connection, const char* url, const char* method,
                      const char* /*version*/, const char* /*upload*/, size_t* upload_size,
                      void** state) {
  // No request of ours has a body: whoever sends one is cut off before it is read.
  if (*upload_size != 0) return MHD_NO;
  // The first call only announces a request whose headers are complete.
  if (*state == nullptr) {
    *state = self;
    return MHD_YES;
  }
  HttpRequest request{.method = method, .path = url, .arguments = {}};
  if (request.method == MHD_HTTP_METHOD_HEAD) request.method = MHD_HTTP_METHOD_GET;
  MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, &add_argument, &request.arguments);
  return respond(connection, static_cast<HttpServer*>(self)->handler()(request));
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::open(const SocketAddress& address,
                                                             shells::EventLoop& loop,
                                                             Handler handler) {
  sockaddr_storage native{};
  const socklen_t length = shells::to_native(address, native);
  const std::string name = fmt::format("health checks on {}", to_text(address));
  // Bound here, so that the error is the system's.
  const int fd = socket(native.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      bind(fd, reinterpret_cast<const sockaddr*>(&native), length) != 0 || listen(fd, 64) != 0) {
    const int error = errno;
    if (fd >= 0) close(fd);
    return shells::errno_status(error, name);
  }
  return serve(fd, name, loop, std::move(handler));
}

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::serve(int fd, const std::string& name,
                                                              shells::EventLoop& loop,
                                                              Handler handler) {
  std::unique_ptr<HttpServer> out(new HttpServer(std::move(handler)));
  out->daemon_ = MHD_start_daemon(
      MHD_USE_EPOLL, 0, nullptr, nullptr, &on_request, out.get(), MHD_OPTION_LISTEN_SOCKET, fd,
      MHD_OPTION_CONNECTION_LIMIT, kMaxConnections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
      kMaxConnectionsPerAddress, MHD_OPTION_CONNECTION_TIMEOUT, kTimeoutSeconds,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemory, MHD_OPTION_END);
  if (out->daemon_ == nullptr) {
    close(fd);
    return absl::UnavailableError(fmt::format("{}: the HTTP server does not start", name));
  }
  out->timer_fd_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (out->timer_fd_ < 0) return shells::errno_status(errno, name);
  HttpServer* const self = out.get();
  const MHD_DaemonInfo* info = MHD_get_daemon_info(out->daemon_, MHD_DAEMON_INFO_EPOLL_FD);
  out->watch_ = loop.watch(info->epoll_fd, [self](auto) { self->run(); });
  out->watch_->want(true, false);
  out->timer_watch_ = loop.watch(self->timer_fd_, [self](auto) { self->run(); });
  out->timer_watch_->want(true, false);
  return out;
}

// At the limit of connections the library does not even accept: without the timer, as many silent
// ones as that would keep everybody out for good.
void HttpServer::run() {
  MHD_run(daemon_);
  MHD_UNSIGNED_LONG_LONG milliseconds = 0;
  itimerspec due{};  // Zero disarms, and clears what made us run.
  if (MHD_get_timeout(daemon_, &milliseconds) == MHD_YES) {
    due.it_value.tv_sec = static_cast<time_t>(milliseconds / 1000);
    due.it_value.tv_nsec =
        std::max<long>(1, static_cast<long>(milliseconds % 1000) * 1'000'000);  // Now is not never.
  }
  timerfd_settime(timer_fd_, 0, &due, nullptr);
}

HttpServer::~HttpServer() {
  watch_.reset();
  timer_watch_.reset();
  if (daemon_ != nullptr) {
    MHD_run(daemon_);  // The answer to whoever asked us to stop.
    MHD_stop_daemon(daemon_);
  }
  if (timer_fd_ >= 0) close(timer_fd_);
}

}  // namespace connlib::relay
