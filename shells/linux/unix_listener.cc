#include "shells/linux/unix_listener.h"

#include <cerrno>
#include <utility>

#include <absl/cleanup/cleanup.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "shells/linux/errno_status.h"

namespace connlib::shells {
namespace {

constexpr int kBacklog = 16;
constexpr mode_t kFolderMode = 0755;

absl::StatusOr<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.front() != '/') {
    return absl::InvalidArgumentError(fmt::format("{}: not an absolute path", path));
  }
  if (path.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError(fmt::format("{}: longer than a socket path may be", path));
  }
  path.copy(static_cast<char*>(address.sun_path), path.size());
  return address;
}

int open_socket() { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }

int connect_or_bind(decltype(&connect) call, int fd, const sockaddr_un& address) {
  return call(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

// True when a process accepts connections there; a full backlog is one, too.
bool is_served(const sockaddr_un& address) {
  const int fd = open_socket();
  if (fd < 0) return false;
  const bool served = connect_or_bind(connect, fd, address) == 0 || errno == EAGAIN;
  close(fd);
  return served;
}

// Makes room for our file. Only a socket that nobody serves is in the way of none.
absl::Status clear(const std::string& path, const sockaddr_un& address) {
  struct stat file {};
  if (lstat(path.c_str(), &file) != 0) {
    return errno == ENOENT ? absl::OkStatus() : errno_status(errno, fmt::format("{}", path));
  }
  if (!S_ISSOCK(file.st_mode)) {
    return absl::AlreadyExistsError(fmt::format("{}: a file that is no socket", path));
  }
  if (is_served(address)) {
    return absl::AlreadyExistsError(fmt::format("{}: another process serves this socket", path));
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return errno_status(errno, fmt::format("replacing {}", path));
  }
  return absl::OkStatus();
}

// A group that does not exist, or that we may not give files to, leaves the file to our own.
void give_to_group(const std::string& path, const std::string& name) {
  if (name.empty()) return;
  const group* found = getgrnam(name.c_str());  // NOLINT(concurrency-mt-unsafe): at start.
  if (found == nullptr || lchown(path.c_str(), static_cast<uid_t>(-1), found->gr_gid) != 0) return;
}

}  // namespace

UnixListener::UnixListener(std::string path, int fd, ino_t inode)
    : path_(std::move(path)), fd_(fd), inode_(inode) {}

UnixListener::UnixListener(UnixListener&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      fd_(std::exchange(other.fd_, -1)),
      inode_(other.inode_) {}

UnixListener::~UnixListener() {
  if (fd_ >= 0) close(fd_);
  struct stat file {};
  if (path_.empty() || lstat(path_.c_str(), &file) != 0 || file.st_ino != inode_) return;
  unlink(path_.c_str());
}

int UnixListener::release_fd() { return std::exchange(fd_, -1); }

absl::StatusOr<UnixListener> UnixListener::open(const Options& options) {
  const std::string& path = options.path;
  const auto address = address_of(path);
  if (!address.ok()) return address.status();
  const std::string folder = path.substr(0, path.find_last_of('/'));
  if (!folder.empty() && mkdir(folder.c_str(), kFolderMode) != 0 && errno != EEXIST) {
    return errno_status(errno, fmt::format("creating {}", folder));
  }
  if (absl::Status status = clear(path, *address); !status.ok()) return status;
  int fd = open_socket();
  if (fd < 0) return errno_status(errno, "opening a UNIX socket");
  const absl::Cleanup closes = [&fd] {
    if (fd >= 0) close(fd);
  };
  // The file must never exist with a wider mode, so chmod() afterwards would be too late.
  const mode_t before = umask(static_cast<mode_t>(0777) & ~options.mode);
  const int bound = connect_or_bind(bind, fd, *address);
  const int error = errno;
  umask(before);
  if (bound != 0) return errno_status(error, fmt::format("creating {}", path));
  give_to_group(path, options.group);
  struct stat file {};
  if (lstat(path.c_str(), &file) != 0 || listen(fd, kBacklog) != 0) {
    return errno_status(errno, fmt::format("listening on {}", path));
  }
  return UnixListener(path, std::exchange(fd, -1), file.st_ino);
}

}  // namespace connlib::shells
