#pragma once

#include <cstdint>

namespace connlib::snownet::node {

// Whether reset() may find that the network is the one it was (D12).
enum class ResetKind : uint8_t { kUnlessFalseAlarm, kAlways };

}  // namespace connlib::snownet::node
