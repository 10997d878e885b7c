#include "shells/relay/monitor.h"

#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "shells/linux/errno_status.h"
#include "shells/linux/socket_address.h"

namespace connlib::relay {
namespace {

constexpr unsigned kMaxConnections = 32;
constexpr unsigned kMaxConnectionsPerAddress = 8;
constexpr unsigned kTimeoutSeconds = 10;
constexpr size_t kConnectionMemory = 16 << 10;

MHD_Result respond(MHD_Connection* connection, const Monitor::Page& page) {
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

MHD_Result on_request(void* self, MHD_Connection* connection, const char* url, const char* method,
                      const char* /*version*/, const char* /*upload*/, size_t* upload_size,
                      void** state) {
  const std::string_view verb = method;
  if (verb != MHD_HTTP_METHOD_GET && verb != MHD_HTTP_METHOD_HEAD) {
    if (*upload_size != 0) return MHD_NO;
    return respond(connection, {405, "text/plain", "only GET\n"});
  }
  // The first call only announces a request whose headers are complete.
  if (*state == nullptr) {
    *state = self;
    return MHD_YES;
  }
  return respond(connection, static_cast<Monitor*>(self)->handler()(url));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Monitor>> Monitor::open(const SocketAddress& address,
                                                       shells::EventLoop& loop, Handler handler) {
  std::unique_ptr<Monitor> out(new Monitor(std::move(handler)));
  sockaddr_storage native{};
  const socklen_t length = shells::to_native(address, native);
  // Bound here, so that the error is the system's.
  const int fd = socket(native.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      bind(fd, reinterpret_cast<const sockaddr*>(&native), length) != 0 || listen(fd, 64) != 0) {
    return shells::errno_status(errno, fmt::format("health checks on {}", to_text(address)));
  }
  out->daemon_ = MHD_start_daemon(
      MHD_USE_EPOLL, 0, nullptr, nullptr, &on_request, out.get(), MHD_OPTION_LISTEN_SOCKET, fd,
      MHD_OPTION_CONNECTION_LIMIT, kMaxConnections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
      kMaxConnectionsPerAddress, MHD_OPTION_CONNECTION_TIMEOUT, kTimeoutSeconds,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemory, MHD_OPTION_END);
  if (out->daemon_ == nullptr) {
    return absl::UnavailableError(
        fmt::format("health checks on {}: the HTTP server does not start", to_text(address)));
  }
  const MHD_DaemonInfo* info = MHD_get_daemon_info(out->daemon_, MHD_DAEMON_INFO_EPOLL_FD);
  MHD_Daemon* const daemon = out->daemon_;
  out->watch_ =
      loop.watch(info->epoll_fd, [daemon](shells::EventLoop::Readiness) { MHD_run(daemon); });
  out->watch_->want(true, false);
  return out;
}

Monitor::~Monitor() {
  watch_.reset();
  if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
}

}  // namespace connlib::relay
