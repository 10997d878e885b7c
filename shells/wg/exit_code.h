#pragma once

namespace connlib::wg {

// ExitCode is what connlib-wg tells its starter. Part of the program's interface: never renumber.
enum class ExitCode : int {
  kStopped = 0,      // By a signal, or because the interface or its socket was deleted.
  kInternal = 1,     // Anything without a number of its own.
  kUsage = 2,        // Wrong arguments.
  kNoPrivilege = 3,  // Neither root nor CAP_NET_ADMIN.
  kNoTun = 4,        // No /dev/net/tun.
  kNameTaken = 5,    // An interface or a living process has this name.
  kPortTaken = 6,    // The UDP port is in use.
};

}  // namespace connlib::wg
