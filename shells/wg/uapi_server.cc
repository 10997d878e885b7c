#include "shells/wg/uapi_server.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "connlib/base/secret.h"
#include "shells/linux/errno_status.h"

namespace connlib::wg {
namespace {

constexpr int kBacklog = 16;
constexpr mode_t kDirectoryMode = 0700;
constexpr mode_t kPrivateUmask = 0177;  // Leaves 0600.

absl::StatusOr<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError(fmt::format("{}: longer than a socket path may be", path));
  }
  path.copy(static_cast<char*>(address.sun_path), path.size());
  return address;
}

int connect_or_bind(decltype(&connect) call, int fd, const sockaddr_un& address) {
  return call(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

// True when a process accepts connections there.
bool is_served(const sockaddr_un& address) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return false;
  const bool served = connect_or_bind(connect, fd, address) == 0 || errno == EAGAIN;
  close(fd);
  return served;
}

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

UapiServer::Client::~Client() {
  watch.reset();
  close(fd);
}

UapiServer::UapiServer(shells::EventLoop& loop, Options options)
    : loop_(&loop), options_(std::move(options)) {}

UapiServer::~UapiServer() {
  clients_.clear();
  watch_.reset();
  file_watch_.reset();
  if (fd_ >= 0) close(fd_);
  if (inotify_fd_ >= 0) close(inotify_fd_);
  if (owns_file()) unlink(options_.path.c_str());
}

absl::StatusOr<std::unique_ptr<UapiServer>> UapiServer::open(shells::EventLoop& loop,
                                                             Options options) {
  std::unique_ptr<UapiServer> out(new UapiServer(loop, std::move(options)));
  if (absl::Status status = out->listen(); !status.ok()) return status;
  if (absl::Status status = out->watch_file(); !status.ok()) return status;
  out->watch_ = loop.watch(out->fd_, [server = out.get()](auto) { server->accept_clients(); });
  out->watch_->want(true, false);
  return out;
}

absl::Status UapiServer::listen() {
  const std::string& path = options_.path;
  const auto address = address_of(path);
  if (!address.ok()) return address.status();
  const std::string directory = path.substr(0, path.find_last_of('/'));
  if (mkdir(directory.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
    return shells::errno_status(errno, fmt::format("creating {}", directory));
  }
  if (is_served(*address)) {
    return absl::AlreadyExistsError(fmt::format("{}: another process serves this socket", path));
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return shells::errno_status(errno, fmt::format("replacing {}", path));
  }
  fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd_ < 0) return shells::errno_status(errno, "opening a UNIX socket");
  // The file must never exist with a wider mode, so chmod() afterwards would be too late.
  const mode_t before = umask(kPrivateUmask);
  const int bound = connect_or_bind(bind, fd_, *address);
  const int error = errno;
  umask(before);
  if (bound != 0) return shells::errno_status(error, fmt::format("creating {}", path));
  struct stat file {};
  if (stat(path.c_str(), &file) != 0 || ::listen(fd_, kBacklog) != 0) {
    return shells::errno_status(errno, fmt::format("listening on {}", path));
  }
  inode_ = file.st_ino;
  return absl::OkStatus();
}

bool UapiServer::owns_file() const {
  struct stat file {};
  return inode_ != 0 && stat(options_.path.c_str(), &file) == 0 && file.st_ino == inode_;
}

// Deleting the file is the portable way to remove a userspace interface (wg-quick on some systems).
absl::Status UapiServer::watch_file() {
  inotify_fd_ = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (inotify_fd_ < 0 || inotify_add_watch(inotify_fd_, options_.path.c_str(),
                                           IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF) < 0) {
    return shells::errno_status(errno, fmt::format("watching {}", options_.path));
  }
  file_watch_ = loop_->watch(inotify_fd_, [this](auto) {
    std::array<char, 1024> events{};
    while (read(inotify_fd_, events.data(), events.size()) > 0) {
    }
    if (owns_file()) return;
    inode_ = 0;
    options_.on_removed();
  });
  file_watch_->want(true, false);
  return absl::OkStatus();
}

void UapiServer::accept_clients() {
  while (clients_.size() < kMaxClients) {
    const int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    const auto client = clients_.emplace(clients_.end(), fd);
    client->watch = loop_->watch(fd, [this, client](auto) { serve(client); });
    client->watch->want(true, false);
  }
  watch_->want(false, false);
}

void UapiServer::serve(ClientList::iterator client) {
  if (!serve_until_idle(*client)) {
    clients_.erase(client);
    watch_->want(true, false);
    return;
  }
  const bool has_output = !client->session.unwritten().empty();
  client->watch->want(!has_output, has_output);
}

// Nothing is read, and no further request served, before the answer to the last one is gone: a
// client that does not read cannot make us hold more than one. False: drop the client.
bool UapiServer::serve_until_idle(Client& client) {
  for (;;) {
    if (!write_answers(client)) return false;
    if (!client.session.unwritten().empty()) return true;
    if (const auto request = client.session.next_request()) {
      options_.handler(*request, client.session.output());
      continue;
    }
    bool has_read = false;
    if (client.has_ended || !read_text(client, has_read)) return false;
    if (!has_read && !client.has_ended) return true;
  }
}

bool UapiServer::read_text(Client& client, bool& has_read) {
  std::array<char, 16384> buffer{};
  const ssize_t n = recv(client.fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n < 0) return would_block(errno);
  client.has_ended = n == 0;
  has_read = n > 0;
  const std::string_view text(buffer.data(), static_cast<size_t>(n));
  const bool is_taken = client.session.handle_input(text);
  wipe(std::span(reinterpret_cast<uint8_t*>(buffer.data()), text.size()));
  return is_taken;
}

bool UapiServer::write_answers(Client& client) {
  while (!client.session.unwritten().empty()) {
    const std::string_view text = client.session.unwritten();
    const ssize_t n = send(client.fd, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) return would_block(errno);
    client.session.handle_written(static_cast<size_t>(n));
  }
  return true;
}

}  // namespace connlib::wg
