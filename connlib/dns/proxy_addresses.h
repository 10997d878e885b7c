#pragma once

#include <cstdint>
#include <optional>

#include "connlib/base/ip.h"

namespace connlib::dns {

// The addresses that stand for the names of DNS resources inside this client (spec tunnel 1), by
// number: 100.96.0.1 and fd00:2021:1111:8000:: are number 0. The blocks of the sentinels lie in the
// same ranges and are skipped. A name owns kProxiesPerFamily numbers of each family.
inline constexpr uint32_t kProxiesPerFamily = 4;
inline constexpr uint32_t kMaxProxies = 2'000'000;  // A /11 has 2'097'152 addresses.

// `number` is below kMaxProxies.
IpAddress proxy_address(IpFamily family, uint32_t number);

// The way back; nullopt for an address that is no proxy, a sentinel for instance.
std::optional<uint32_t> proxy_number(const IpAddress& address);

// The addresses for sentinels, out of kSentinelRange; `number` is below kSentinelsPerFamily.
inline constexpr uint32_t kSentinelsPerFamily = 254;
IpAddress sentinel_address(IpFamily family, uint32_t number);

}  // namespace connlib::dns
