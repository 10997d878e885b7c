#pragma once

#include <cstdint>

namespace connlib::portal::server {

// PortalCounters count what happened since the start, for metrics.
struct PortalCounters {
  uint64_t upgrades = 0;
  uint64_t refusals = 0;
  uint64_t joins = 0;
  uint64_t requests = 0;
  uint64_t authorizations = 0;  // Gateways that said they are ready, in time.
  uint64_t failures = 0;        // Requests that clients were told have failed.
  uint64_t revocations = 0;
  uint64_t unknown_messages = 0;
  uint64_t withheld_candidates = 0;  // Of pairs without a grant, or whose other end is away.
  uint64_t beyond_allowance = 0;     // What peers asked more often than they may.
};

}  // namespace connlib::portal::server
