#pragma once

#include <optional>
#include <span>

#include "connlib/base/ip.h"
#include "connlib/base/random_source.h"
#include "connlib/base/timestamp.h"
#include "wireguard/crypto/dh.h"
#include "wireguard/crypto/hash.h"
#include "wireguard/noise/messages.h"

namespace connlib::wireguard {

using Cookie = Mac;

inline constexpr Duration kCookieLifetime = 120s;  // Spec §2: issuing secret and held cookie alike.

// MacKeys are the two keys derived from a receiver's static public key (spec §5).
struct MacKeys {
  Hash mac1_key{};    // HASH("mac1----" ‖ S.pub)
  Hash cookie_key{};  // HASH("cookie--" ‖ S.pub)
  static MacKeys of(const PublicKey& receiver);
};

// is_mac1_valid() checks a type 1 or 2 message against the keys of its receiver, in constant time.
// False for anything else.
bool is_mac1_valid(const MacKeys& receiver, std::span<const uint8_t> datagram);

// CookieHolder adds MACs to what we send to one peer and keeps the cookie that peer gave us.
class CookieHolder {
 public:
  explicit CookieHolder(const PublicKey& remote) : keys_(MacKeys::of(remote)) {}

  // stamp() fills mac1, and mac2 when a cookie younger than 120 s is held, of a type 1 or 2
  // `datagram`. It remembers mac1 and the sender index: a cookie reply is bound to both.
  void stamp(Timestamp now, std::span<uint8_t> datagram);

  // handle_reply() stores the cookie when `reply` answers our latest handshake message and
  // decrypts. False: drop it. Never a reason to retransmit, roam or count as liveness (§5).
  bool handle_reply(Timestamp now, const CookieReply& reply);

  // The held cookie is dropped at this instant; never() when none is held.
  Timestamp expires_at() const { return expires_at_; }
  void handle_timeout(Timestamp now);
  void clear();

 private:
  MacKeys keys_;
  Secret<16> cookie_;
  Timestamp expires_at_ = Timestamp::never();
  std::optional<SessionIndex> last_index_;
  Mac last_mac1_{};
};

// CookieIssuer makes and checks cookies for senders while we are under load (spec §5). Stateless
// per sender: cookie = MAC(R, source address ‖ port), R replaced every 120 s, the previous R
// honoured.
class CookieIssuer {
 public:
  CookieIssuer(const PublicKey& local, RandomSource& random)
      : keys_(MacKeys::of(local)), random_(&random) {}

  // is_mac2_valid() checks mac2 of a type 1 or 2 message from `source`.
  bool is_mac2_valid(Timestamp now, const SocketAddress& source, std::span<const uint8_t> datagram);

  // create_reply() answers a type 1 or 2 `datagram` (whose mac1 is valid) with a cookie.
  void create_reply(Timestamp now, const SocketAddress& source, std::span<const uint8_t> datagram,
                    std::span<uint8_t, kCookieReplyBytes> out);

 private:
  void roll_secret(Timestamp now);

  MacKeys keys_;
  RandomSource* random_;
  Secret<32> current_;
  Secret<32> previous_;
  bool has_current_ = false;
  bool has_previous_ = false;
  Timestamp current_since_;
};

// cookie_for() and seal_cookie_reply() are the two pure steps, exposed for their vectors.
// `source` serialises as address bytes ‖ BE16 port.
Cookie cookie_for(const Secret<32>& secret, const SocketAddress& source);
void seal_cookie_reply(const MacKeys& receiver, SessionIndex to,
                       const std::array<uint8_t, 24>& nonce, const Cookie& cookie, const Mac& mac1,
                       std::span<uint8_t, kCookieReplyBytes> out);

}  // namespace connlib::wireguard
