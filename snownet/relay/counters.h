#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include "snownet/relay/drop.h"
#include "snownet/stun/message_type.h"

namespace connlib::snownet::relay {

// Traffic counts the payloads relayed in one direction.
struct Traffic {
  uint64_t packets = 0;
  uint64_t bytes = 0;
};

// Counters count since the server was made.
struct Counters {
  static constexpr size_t kSizeBuckets = 16;  // Up to 100, 200, … 1500 bytes, and beyond.

  std::array<uint64_t, static_cast<size_t>(Drop::kCount)> drops{};
  // By method and error code, 0 for success. Requests with a method we lack count as method 0.
  std::map<std::pair<stun::Method, uint16_t>, uint64_t> responses;
  Traffic to_peers;
  Traffic to_clients;
  std::array<uint64_t, kSizeBuckets> payload_sizes{};

  uint64_t of(Drop drop) const { return drops[static_cast<size_t>(drop)]; }
};

}  // namespace connlib::snownet::relay
