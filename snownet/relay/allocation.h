#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <absl/time/time.h>

#include "connlib/base/ip.h"
#include "connlib/base/strong.h"
#include "connlib/base/timestamp.h"
#include "snownet/relay/family_set.h"
#include "snownet/relay/rate_limit.h"
#include "snownet/relay/response.h"
#include "snownet/stun/channel_data.h"
#include "snownet/stun/integrity.h"
#include "snownet/stun/transaction_id.h"

namespace connlib::snownet::relay {

// Places in the tables. They are reused: none outlives a call.
using AllocationId = Strong<struct AllocationIdTag, uint32_t>;
using ChannelId = Strong<struct ChannelIdTag, uint32_t>;

// Channel is a bound number, or one that cools down: number and peer stay reserved to each other.
struct Channel {
  AllocationId allocation;
  stun::ChannelNumber number;
  bool is_bound = true;
  SocketAddress peer;
  Timestamp expires_at;  // Of the binding; the cool-down begins then.
  size_t position = 0;   // In Allocation::channels.
};

// Allocation is one client's relayed address: one port, in one or both families.
struct Allocation {
  enum class State : uint8_t { kOpening, kOpen };

  Allocation(const SocketAddress& from, std::string user, stun::IntegrityKey users_key)
      : client(from), username(std::move(user)), key(std::move(users_key)) {}

  SocketAddress client;
  std::string username;
  stun::IntegrityKey key;  // Cached: spares three hashes per request.
  absl::Time credentials_expire_at = absl::InfiniteFuture();
  uint16_t port = 0;
  FamilySet families;
  State state = State::kOpening;
  std::chrono::seconds lifetime{};  // As granted to the Allocate.
  Timestamp expires_at;
  bool has_even_port = false;
  std::vector<uint16_t> failed_ports;  // While opening: those that did not open.
  RateLimit rate{0};
  stun::TransactionId transaction_id;  // Of the Allocate that made it.
  Response response;                   // Its answer, for when that gets lost.
  std::vector<ChannelId> channels;
};

}  // namespace connlib::snownet::relay
