#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "connlib/base/ip.h"
#include "connlib/base/random_source.h"
#include "connlib/base/secret.h"
#include "connlib/base/timestamp.h"

namespace connlib::snownet::relay {

inline constexpr size_t kNonceCharacters = 12;  // So short that a 401 stays small.
inline constexpr Duration kNonceEpoch = 10min;  // A nonce is good for one to two epochs.

// A nonce of ours: base64 of 72 bits.
struct Nonce {
  std::array<char, kNonceCharacters> characters{};
  std::string_view text() const { return {characters.data(), characters.size()}; }
};

// NonceSource issues nonces without remembering them (RFC 8489 §9.2: "the server can construct the
// nonce so that it can validate it"): each is a MAC over the client's socket and the epoch.
//
//   nonce = base64(first 9 bytes of MAC(key, address family | address | port | epoch))
//
// So a nonce is worth nothing from another socket, and a flood of spoofed sources fills no table.
class NonceSource {
 public:
  explicit NonceSource(RandomSource& random) : key_(random.bytes<32>()) {}

  Nonce issue(Timestamp now, const SocketAddress& client) const;

  // accepts() is true for what was issued to `client` in this epoch or the one before.
  bool accepts(Timestamp now, const SocketAddress& client, std::string_view nonce) const;

 private:
  Nonce of_epoch(int64_t epoch, const SocketAddress& client) const;

  Secret<32> key_;
};

}  // namespace connlib::snownet::relay
