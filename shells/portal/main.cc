// connlib-portal: who may reach what.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include <pwd.h>
#include <sys/types.h>
#include <unistd.h>

#include "shells/common/os_clock.h"
#include "shells/common/os_random.h"
#include "shells/portal/command.h"

namespace {

// For the log of changes: who ran the program, whatever they became by sudo.
std::string author() {
  const char* sudo = std::getenv("SUDO_USER");  // NOLINT(concurrency-mt-unsafe): one thread.
  if (sudo != nullptr && *sudo != '\0') return std::string("cli:") + sudo;
  const passwd* user = getpwuid(getuid());  // NOLINT(concurrency-mt-unsafe): one thread.
  return user == nullptr ? "cli:" + std::to_string(getuid()) : std::string("cli:") + user->pw_name;
}

int run(int argc, char** argv) {
  connlib::shells::OsRandom random;
  connlib::portald::Environment environment{
      .now = connlib::shells::OsClock::date(), .random = random, .author = author()};
  for (const char* name : {"CONNLIB_PORTAL_DB", "NOTIFY_SOCKET"}) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread.
    if (value != nullptr) environment.variables.emplace(name, value);
  }
  const auto code =
      connlib::portald::run(std::vector<std::string>(argv + 1, argv + argc), environment);
  std::fputs(environment.err.c_str(), stderr);
  // What a script waits for must not get lost on a full disk unnoticed.
  if (std::fputs(environment.out.c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
    std::fputs("connlib-portal: writing to stdout failed\n", stderr);
    return static_cast<int>(connlib::portald::ExitCode::kInternal);
  }
  return static_cast<int>(code);
}

}  // namespace

// Nothing of ours throws, but the libraries for JSON, TOML and command lines may.
int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "connlib-portal: %s\n", error.what());
    return static_cast<int>(connlib::portald::ExitCode::kInternal);
  }
}
