#pragma once

#include <cstdint>
#include <optional>

#include "connlib/base/timestamp.h"
#include "snownet/node/path_kind.h"

namespace connlib::snownet::node {

// ConnectionStatistics is about one connection since it began. Bytes are of inner packets; received
// ones count for the kind of path that is selected here.
struct ConnectionStatistics {
  std::optional<Duration> until_selected;     // From the upsert that created it.
  std::optional<Duration> until_established;  // Likewise.
  uint64_t path_changes = 0;                  // The first selection is none.
  ByPathKind<uint64_t> bytes_sent{};
  ByPathKind<uint64_t> bytes_received{};
};

}  // namespace connlib::snownet::node
