#pragma once

namespace connlib::relay {

// ExitCode is what connlib-relay tells its starter. Part of the program's interface: never
// renumber.
enum class ExitCode : int {
  kStopped = 0,          // By a signal, after draining.
  kInternal = 1,         // Anything without a number of its own.
  kUsage = 2,            // Wrong arguments.
  kFileLimit = 3,        // RLIMIT_NOFILE is too low and cannot be raised.
  kPortTaken = 4,        // The listening port, the health check's or the control socket is in use.
  kNoPublicAddress = 5,  // No public address was given, or `auto` found none that will do.
  kUnimplemented = 6,    // Asked for something that this version cannot do.
};

}  // namespace connlib::relay
