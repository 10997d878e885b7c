#include "shells/wg/daemon.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace connlib::wg {

bool Daemon::start() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return false;
  const pid_t pid = fork();
  if (pid < 0) return false;
  if (pid > 0) {
    close(ends[1]);
    auto code = static_cast<uint8_t>(ExitCode::kInternal);  // When the other half dies silently.
    while (read(ends[0], &code, 1) < 0 && errno == EINTR) {
    }
    _exit(code);
  }
  close(ends[0]);
  pipe_ = ends[1];
  setsid();
  return true;
}

void Daemon::report(ExitCode code) {
  if (pipe_ < 0) return;
  if (code == ExitCode::kStopped) {
    if (chdir("/") != 0) return;
    // Whoever started us may wait for the end of our output.
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(null, standard);
    close(null);
  }
  const auto byte = static_cast<uint8_t>(code);
  while (write(pipe_, &byte, 1) < 0 && errno == EINTR) {
  }
  close(std::exchange(pipe_, -1));
}

}  // namespace connlib::wg
