#pragma once

#include <cstdint>
#include <string>

#include <absl/status/statusor.h>
#include <sys/types.h>

namespace connlib::shells {

// UnixListener is a UNIX stream socket that listens, and its file, which it deletes again.
class UnixListener {
 public:
  struct Options {
    std::string path;     // Absolute. Its folder is made (mode 0755) if it is missing.
    mode_t mode = 0600;   // Of the file, from the moment it exists.
    std::string group{};  // Given the file if there is such a group and we may; empty: our own.
  };

  // open() replaces a socket file that no process serves. AlreadyExists when one does, or when
  // something else than a socket is there; InvalidArgument for a path no socket can have.
  static absl::StatusOr<UnixListener> open(const Options& options);
  UnixListener(UnixListener&& other) noexcept;
  UnixListener& operator=(UnixListener&&) = delete;
  ~UnixListener();

  int fd() const { return fd_; }
  // release_fd() gives the descriptor away; the file remains ours to delete.
  int release_fd();

 private:
  UnixListener(std::string path, int fd, ino_t inode);

  std::string path_;
  int fd_;
  ino_t inode_;  // Somebody else's file of the same name is not ours to delete.
};

}  // namespace connlib::shells
