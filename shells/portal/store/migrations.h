#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "shells/portal/store/database.h"

namespace connlib::portald {

// migrations() are the steps from an empty file to the newest schema; the n-th leads to version n.
// They are only ever added: a step that was released is never edited.
std::span<const char* const> migrations();

// Migrated tells what migrate() did.
struct Migrated {
  int64_t from = 0;
  int64_t to = 0;
  std::optional<std::string> backup;  // The copy made before the first step.
};

// migrate() does what is missing of `steps`, all or nothing. A file that has content is copied
// first, to PATH.before-version-N. FailedPrecondition for a file that is not ours, or that a newer
// version wrote: there is no way back.
absl::StatusOr<Migrated> migrate(Database& database, std::span<const char* const> steps,
                                 absl::Time now);

}  // namespace connlib::portald
