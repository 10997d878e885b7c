#pragma once

#include <cstdint>

namespace connlib::snownet::ice {

// IceState sums up the check list:
//
//   kNew ─► kChecking ◄─► kConnected | kCompleted
//               ▲                │
//               └──► kDisconnected
enum class IceState : uint8_t {
  kNew,           // No candidate yet.
  kChecking,      // Nothing selected; something may still come to work.
  kConnected,     // A pair is selected, others are possible.
  kCompleted,     // A pair is selected, nothing else is possible.
  kDisconnected,  // Nothing selected, nothing possible. A new pair leads back to kChecking.
};

const char* name(IceState state) noexcept;

// D3: with one surviving pair an agent is as established as with many.
constexpr bool is_established(IceState state) {
  return state == IceState::kConnected || state == IceState::kCompleted;
}

}  // namespace connlib::snownet::ice
