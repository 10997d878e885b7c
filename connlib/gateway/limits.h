#pragma once

#include <cstddef>

#include "connlib/base/timestamp.h"

// What a gateway keeps for others, bounded. Clients and the portal decide how much they ask for;
// what happens at each limit is told in README.md.
namespace connlib::gateway {

inline constexpr size_t kMaxClients = 16'384;
inline constexpr size_t kMaxGrantsPerClient = 4'096;

// Resolutions on their way to the shell, which runs a thousand at once (spec tunnel 13).
inline constexpr size_t kMaxResolutions = 1'000;
inline constexpr size_t kMaxResolutionsPerClient = 64;
// Ours: the shell gives up after ten seconds (spec tunnel 3.13); past that it has lost the request.
inline constexpr Duration kResolutionTimeout = 15s;

}  // namespace connlib::gateway
