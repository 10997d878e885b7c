#pragma once

#include <string>
#include <vector>

#include <absl/status/status.h>

namespace CLI {  // NOLINT(readability-identifier-naming): theirs.
class App;
}  // namespace CLI

namespace connlib::relay {

// UnsupportedOptions are those that other versions have, or will. Each is known, so that nobody
// believes it took effect: given a value, check() says why it cannot have one.
class UnsupportedOptions {
 public:
  void add_to(CLI::App& app);

  // Unimplemented when one was given; names it.
  absl::Status check() const;

 private:
  std::vector<std::string> values_;  // In the order of the table; empty: not given.
  bool telemetry_ = false;           // "false" is what everybody gets.
  unsigned worker_threads_ = 1;
};

}  // namespace connlib::relay
