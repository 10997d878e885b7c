#include "shells/linux/errno_status.h"

#include <cerrno>
#include <system_error>

#include <fmt/format.h>

namespace connlib::shells {

absl::Status errno_status(int error, std::string_view what) {
  const std::string text = fmt::format("{}: {}", what, std::generic_category().message(error));
  switch (error) {
    case EPERM:
    case EACCES:
      return absl::PermissionDeniedError(text);
    case ENOENT:
    case ENXIO:
    case ENODEV:
      return absl::NotFoundError(text);
    case EBUSY:
    case EEXIST:
    case EADDRINUSE:
      return absl::AlreadyExistsError(text);
    default:
      return absl::UnavailableError(text);
  }
}

}  // namespace connlib::shells
