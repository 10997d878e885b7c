#pragma once

namespace connlib::portald {

// ExitCode is what connlib-portal tells its starter. Part of the program's interface: never
// renumber.
enum class ExitCode : int {
  kDone = 0,          // Done; stopped by a signal; `check`: allowed.
  kInternal = 1,      // Anything without a number of its own.
  kUsage = 2,         // Wrong arguments, or a file that says something impossible.
  kNoStore = 3,       // No store where it should be, one that is in the way, or of a newer version.
  kAddressTaken = 4,  // `serve`: the address is in use, or not ours.
  kNotFound = 5,      // What was named does not exist.
  kDenied = 6,        // `check`: denied.
};

}  // namespace connlib::portald
