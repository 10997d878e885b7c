#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "connlib/base/strong.h"
#include "connlib/model/public_key.h"
#include "wireguard/crypto/hash.h"

namespace connlib::wireguard {

// SessionIndex names a pending handshake or session on the side that chose it; opaque to the peer.
using SessionIndex = Strong<struct SessionIndexTag, uint32_t>;

enum class MessageType : uint8_t { kInitiation = 1, kResponse = 2, kCookieReply = 3, kData = 4 };

inline constexpr size_t kInitiationBytes = 148;
inline constexpr size_t kResponseBytes = 92;
inline constexpr size_t kCookieReplyBytes = 64;
inline constexpr size_t kDataHeaderBytes = 16;
inline constexpr size_t kDataMinBytes = 32;  // Header and tag: a keepalive.

// classify() looks at the type word and the length only (spec §3); nullopt is "not WireGuard".
std::optional<MessageType> classify(std::span<const uint8_t> datagram);

// Views over one message; parse() checks type and exact length, and borrows from `datagram`.
//
//   1 Initiation: type(4) sender(4) ephemeral(32) static(32+16) timestamp(12+16) mac1(16) mac2(16)
struct Initiation {
  SessionIndex sender;
  PublicKey ephemeral;
  std::span<const uint8_t, 48> encrypted_static;
  std::span<const uint8_t, 28> encrypted_timestamp;
  static std::optional<Initiation> parse(std::span<const uint8_t> datagram);
};

//   2 Response: type(4) sender(4) receiver(4) ephemeral(32) nothing(16) mac1(16) mac2(16)
struct Response {
  SessionIndex sender;
  SessionIndex receiver;
  PublicKey ephemeral;
  std::span<const uint8_t, 16> encrypted_nothing;
  static std::optional<Response> parse(std::span<const uint8_t> datagram);
};

//   3 Cookie reply: type(4) receiver(4) nonce(24) cookie(16+16)
struct CookieReply {
  SessionIndex receiver;
  std::array<uint8_t, 24> nonce;
  std::span<const uint8_t, 32> encrypted_cookie;
  static std::optional<CookieReply> parse(std::span<const uint8_t> datagram);
};

//   4 Data: type(4) receiver(4) counter(8) ciphertext ‖ tag(16)
struct DataHeader {
  SessionIndex receiver;
  uint64_t counter = 0;
  static std::optional<DataHeader> parse(std::span<const uint8_t> datagram);
  void write(std::span<uint8_t, kDataHeaderBytes> out) const;
};

// receiver_index() is the index by which types 2, 3 and 4 find their tunnel; nullopt otherwise.
std::optional<SessionIndex> receiver_index(std::span<const uint8_t> datagram);

// The MAC fields of a type 1 or 2 message: α is everything before mac1, β everything before mac2.
struct MacFields {
  std::span<const uint8_t> alpha;
  std::span<const uint8_t> beta;
  std::span<const uint8_t, 16> mac1;
  std::span<const uint8_t, 16> mac2;
  static std::optional<MacFields> parse(std::span<const uint8_t> datagram);
};

}  // namespace connlib::wireguard
