#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace connlib::snownet::node {

// PathKind says which ends of a path are relayed: ours, then theirs. Only ours matters for framing.
enum class PathKind : uint8_t { kPeerToPeer, kPeerToRelay, kRelayToPeer, kRelayToRelay, kCount };

inline constexpr size_t kPathKinds = static_cast<size_t>(PathKind::kCount);

template <typename Value>
using ByPathKind = std::array<Value, kPathKinds>;

constexpr size_t index(PathKind kind) { return static_cast<size_t>(kind); }

std::string_view name(PathKind kind) noexcept;

constexpr PathKind path_kind(bool is_local_relayed, bool is_remote_relayed) {
  if (is_local_relayed) {
    return is_remote_relayed ? PathKind::kRelayToRelay : PathKind::kRelayToPeer;
  }
  return is_remote_relayed ? PathKind::kPeerToRelay : PathKind::kPeerToPeer;
}

constexpr bool is_local_relayed(PathKind kind) {
  return kind == PathKind::kRelayToPeer || kind == PathKind::kRelayToRelay;
}

}  // namespace connlib::snownet::node
