#pragma once

#include <cstddef>

#include "connlib/base/timestamp.h"

namespace connlib::flow {

inline constexpr Duration kIdleClose = 2min;        // Spec tunnel 7.2.
inline constexpr size_t kMaxOuterPaths = 16;        // Spec tunnel 7.2: then the flow splits.
inline constexpr size_t kDefaultBatchSize = 1'000;  // Spec tunnel 13.
inline constexpr size_t kMaxBatchSize = 10'000;

// Ours. About 450 bytes each, half of that an entry that is not used.
inline constexpr size_t kMaxFlows = 65'536;
// Ours: records of a shell that does not fetch them. One receive opens and ends at most 64.
inline constexpr size_t kMaxQueuedRecords = 16'384;

}  // namespace connlib::flow
