#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "connlib/base/timestamp.h"
#include "connlib/dns/query_id.h"

namespace connlib::dns {

enum class QueryFailure : uint8_t {
  kTimedOut,     // Nobody answered.
  kUnreachable,  // The network or the server said so at once.
  kReset,        // The connection ended, or the network changed.
};

// QueryResult is how a question to somebody else ended: a message, or why there is none.
struct QueryResult {
  QueryId query;
  std::variant<std::vector<uint8_t>, QueryFailure> outcome;
};

inline constexpr Duration kInTunnelTimeout = 10s;    // spec tunnel 3.8, 3.9
inline constexpr uint16_t kFirstLocalPort = 49'152;  // To 65,535 (spec tunnel 3.8).
inline constexpr uint32_t kLocalPorts = 16'384;

}  // namespace connlib::dns
