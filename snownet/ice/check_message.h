#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "connlib/base/ip.h"
#include "snownet/ice/credentials.h"
#include "snownet/ice/role.h"
#include "snownet/stun/message.h"

namespace connlib::snownet::ice {

// The largest message of ours: a check with two of the longest user fragments.
//   header, USERNAME, PRIORITY, role, USE-CANDIDATE, MESSAGE-INTEGRITY, FINGERPRINT
inline constexpr size_t kMaxCheckBytes = 20 + (4 + 2 * kMaxUfragBytes + 4) + 8 + 12 + 4 + 24 + 8;

// CheckMessage is one built message, held by value.
class CheckMessage {
 public:
  std::span<const uint8_t> bytes() const { return std::span(storage_).first(size_); }

 private:
  friend class CheckCodec;
  std::array<uint8_t, kMaxCheckBytes> storage_{};
  size_t size_ = 0;
};

// CheckRequest is what a connectivity check says (RFC 8445 §7.1).
struct CheckRequest {
  stun::TransactionId id;
  std::string_view receiver_ufrag;  // USERNAME is `receiver:sender`. Borrowed.
  std::string_view sender_ufrag;
  uint32_t priority = 0;
  std::optional<Role> role{};  // The sender's; absent when it does not say.
  uint64_t tie_breaker = 0;
  bool use_candidate = false;
};

// read_check() gives nullopt unless `message` is a Binding request with USERNAME, PRIORITY and
// MESSAGE-INTEGRITY (unverified). Unknown attributes are ignored, comprehension-required ones too:
// that is what the peers we work with do. Borrows from the datagram.
std::optional<CheckRequest> read_check(const stun::Message& message);

// CheckCodec builds the three messages of a check. `key` is of the end that receives the request.
class CheckCodec {
 public:
  static CheckMessage request(const CheckRequest& check, stun::IntegrityKey& key);
  static CheckMessage success(const stun::TransactionId& id, const SocketAddress& mapped,
                              stun::IntegrityKey& key);
  static CheckMessage role_conflict(const stun::TransactionId& id, stun::IntegrityKey& key);
};

}  // namespace connlib::snownet::ice
