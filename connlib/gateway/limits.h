#pragma once

#include <cstddef>

#include "connlib/base/timestamp.h"

// What a gateway keeps for others, bounded. Clients and the portal decide how much they ask for;
// what happens at each limit is told in README.md.
namespace connlib::gateway {

inline constexpr size_t kMaxClients = 16'384;
inline constexpr size_t kMaxGrantsPerClient = 4'096;

// Proxies per client, eight for each name it uses; each takes about 300 bytes.
inline constexpr size_t kMaxProxiesPerClient = 32'768;

// Candidates of ours per client that the portal has not been told.
inline constexpr size_t kMaxCandidatesPerClient = 64;

// Answers to the packets of one batch: a GRO receive holds at most 64.
inline constexpr size_t kMaxReplies = 64;

// Resolutions on their way to the shell, which runs a thousand at once (spec tunnel 13).
inline constexpr size_t kMaxResolutions = 1'000;
inline constexpr size_t kMaxResolutionsPerClient = 64;
// Ours: the shell gives up after ten seconds (spec tunnel 3.13); past that it has lost the request.
inline constexpr Duration kResolutionTimeout = 15s;

// Names per client that are resolved again when their TTL has passed.
inline constexpr size_t kMaxRefreshedNames = 4'096;
// Ours: whoever owns a name may say any TTL; it is he who is asked, but by our resolver.
inline constexpr Duration kMinRefreshInterval = 30s;
inline constexpr Duration kMaxRefreshInterval = 24h;
inline constexpr Duration kRefreshRetry = 30s;
static_assert(kRefreshRetry > kResolutionTimeout);

}  // namespace connlib::gateway
