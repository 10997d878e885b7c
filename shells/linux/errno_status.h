#pragma once

#include <string_view>

#include <absl/status/status.h>

namespace connlib::shells {

// errno_status() turns `error` (an errno) into a Status whose code callers may branch on: EPERM and
// EACCES are PermissionDenied, ENOENT is NotFound, EBUSY, EEXIST and EADDRINUSE are AlreadyExists,
// anything else Unavailable. The message is "`what`: <text of the errno>".
absl::Status errno_status(int error, std::string_view what);

}  // namespace connlib::shells
