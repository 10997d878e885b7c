#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "snownet/stun/transaction.h"
#include "snownet/turn/channel_table.h"
#include "snownet/turn/credentials.h"

namespace connlib::snownet::turn {

// What a request to the relay is for. Several purposes share a method.
enum class Purpose : uint8_t {
  kDiscover,     // Binding: which family answers, and what address do we have?
  kKeepAlive,    // Binding on the active socket.
  kAllocate,     // Allocate.
  kRefresh,      // Refresh.
  kDelete,       // Refresh with LIFETIME 0: another allocation of ours is in the way.
  kRelease,      // The same, and nothing follows.
  kBindChannel,  // ChannelBind.
};

// How a request proves who we are.
enum class Signing : uint8_t {
  kBare,    // Not at all: the first request of RFC 8489 §9.2.3, and every Binding.
  kSigned,  // USERNAME, REALM, NONCE when known, MESSAGE-INTEGRITY.
};

// ChannelBinding is what a ChannelBind asks for.
using ChannelBinding = ChannelTable::Refresh;

// Request is one request on its way to the relay, with what its answer needs to know.
struct Request {
  Purpose purpose{};
  SocketAddress to;
  Signing signing{};
  bool had_nonce = false;
  uint8_t challenges = 0;  // How many 401 and 438 led here.
  std::optional<ChannelBinding> binding;
  Timestamp began;
  stun::Transaction transaction;
  bool was_refused = false;  // By an unsigned 401, which anybody may have sent.
};

inline constexpr size_t kMaxRequestBytes = 1024;  // Username, realm and nonce at their longest.

// write_request() is the message of `purpose`, attributes in the order that relays of the field
// know. The result borrows from `out`. `binding` is read for kBindChannel only.
std::span<const uint8_t> write_request(Purpose purpose, Signing signing,
                                       const std::optional<ChannelBinding>& binding,
                                       Authentication& authentication, RandomSource& random,
                                       std::span<uint8_t, kMaxRequestBytes> out);

}  // namespace connlib::snownet::turn
