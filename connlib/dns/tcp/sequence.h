#pragma once

#include <cstdint>

namespace connlib::dns::tcp {

// Sequence numbers wrap: `a` is before `b` when less than half the circle lies between them
// (RFC 9293 §3.4).
constexpr bool is_before(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) < 0; }
constexpr bool is_after(uint32_t a, uint32_t b) { return is_before(b, a); }

}  // namespace connlib::dns::tcp
