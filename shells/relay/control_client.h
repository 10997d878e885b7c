#pragma once

#include <optional>
#include <string>

#include <absl/status/statusor.h>

#include "shells/relay/exit_code.h"

namespace connlib::relay {

// ControlCommand is what `connlib-relay ctl` is asked to do.
struct ControlCommand {
  enum class Verb : uint8_t { kStatus, kDrain, kLog };
  Verb verb = Verb::kStatus;
  std::string endpoint;               // Path of the relay's control socket.
  std::optional<unsigned> seconds{};  // Of kDrain.
  std::string directives{};           // Of kLog.
  bool is_json = false;               // Print what the relay said, as it said it.
};

// run_control() asks the relay and prints its answer; errors go to stderr.
ExitCode run_control(const ControlCommand& command);

// readable_status() is the answer to /status for people; nullopt when it is none.
std::optional<std::string> readable_status(const std::string& json);

}  // namespace connlib::relay
