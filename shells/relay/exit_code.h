#pragma once

namespace connlib::relay {

// ExitCode is what connlib-relay tells its starter. Part of the program's interface: never
// renumber.
enum class ExitCode : int {
  kStopped = 0,          // By a signal, after draining.
  kInternal = 1,         // Anything without a number of its own.
  kUsage = 2,            // Wrong arguments.
  kFileLimit = 3,        // RLIMIT_NOFILE is too low and cannot be raised.
  kPortTaken = 4,        // The listening port or the health check's is in use.
  kNoPublicAddress = 5,  // Neither a public IPv4 nor a public IPv6 address was given.
  kUnimplemented = 6,    // Asked for something that this version cannot do.
};

}  // namespace connlib::relay
