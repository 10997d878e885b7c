#pragma once

#include <cstdint>

namespace connlib {

// Ecn is the two-bit congestion field of an IP header (RFC 3168 §5).
enum class Ecn : uint8_t { kNotEct = 0, kEct1 = 1, kEct0 = 2, kCe = 3 };

}  // namespace connlib
