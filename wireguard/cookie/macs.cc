#include "wireguard/cookie/macs.h"

#include <algorithm>
#include <utility>

#include "connlib/base/bytes.h"
#include "wireguard/crypto/aead.h"

namespace connlib::wireguard {
namespace {

constexpr std::array<uint8_t, 8> kLabelMac1 = {'m', 'a', 'c', '1', '-', '-', '-', '-'};
constexpr std::array<uint8_t, 8> kLabelCookie = {'c', 'o', 'o', 'k', 'i', 'e', '-', '-'};

// The writable mac1 and mac2 of a type 1 or 2 message.
std::span<uint8_t, 32> mac_bytes(std::span<uint8_t> datagram) { return datagram.last<32>(); }

SessionIndex sender_index(std::span<const uint8_t> datagram) {
  return SessionIndex(load_le32(datagram.data() + 4));
}

}  // namespace

MacKeys MacKeys::of(const PublicKey& receiver) {
  return {blake2s({kLabelMac1, receiver.bytes}), blake2s({kLabelCookie, receiver.bytes})};
}

bool is_mac1_valid(const MacKeys& receiver, std::span<const uint8_t> datagram) {
  const auto fields = MacFields::parse(datagram);
  return fields &&
         equal_constant_time(blake2s_mac(receiver.mac1_key, {fields->alpha}), fields->mac1);
}

void CookieHolder::stamp(Timestamp now, std::span<uint8_t> datagram) {
  const auto fields = MacFields::parse(datagram);
  if (!fields) return;
  const auto macs = mac_bytes(datagram);
  last_mac1_ = blake2s_mac(keys_.mac1_key, {fields->alpha});
  last_index_ = sender_index(datagram);
  std::copy(last_mac1_.begin(), last_mac1_.end(), macs.begin());
  Mac mac2{};
  if (!expires_at_.is_never() && now < expires_at_)
    mac2 = blake2s_mac(cookie_.bytes(), {fields->beta});
  std::copy(mac2.begin(), mac2.end(), macs.begin() + 16);
}

bool CookieHolder::handle_reply(Timestamp now, const CookieReply& reply) {
  if (!last_index_ || *last_index_ != reply.receiver) return false;
  Secret<16> cookie;
  if (!xaead_open(SymmetricKey(keys_.cookie_key), reply.nonce, reply.encrypted_cookie, last_mac1_,
                  cookie.mutable_bytes())) {
    return false;
  }
  cookie_ = std::move(cookie);
  expires_at_ = now + kCookieLifetime;
  last_index_.reset();  // One reply per message: a recorded one cannot renew the cookie.
  return true;
}

void CookieHolder::handle_timeout(Timestamp now) {
  if (expires_at_ > now) return;
  expires_at_ = Timestamp::never();
  cookie_ = {};
}

void CookieHolder::clear() {
  expires_at_ = Timestamp::never();
  cookie_ = {};
  last_index_.reset();
  last_mac1_ = {};
}

Cookie cookie_for(const Secret<32>& secret, const SocketAddress& source) {
  std::array<uint8_t, 2> port{};
  store_be16(port.data(), source.port);
  return blake2s_mac(secret.bytes(), {source.ip.bytes(), port});
}

void seal_cookie_reply(const MacKeys& receiver, SessionIndex to,
                       const std::array<uint8_t, 24>& nonce, const Cookie& cookie, const Mac& mac1,
                       std::span<uint8_t, kCookieReplyBytes> out) {
  store_le32(out.data(), static_cast<uint32_t>(MessageType::kCookieReply));
  store_le32(out.data() + 4, to.value());
  std::copy(nonce.begin(), nonce.end(), out.begin() + 8);
  xaead_seal(SymmetricKey(receiver.cookie_key), nonce, cookie, mac1, out.subspan<32, 32>());
}

void CookieIssuer::roll_secret(Timestamp now) {
  if (has_current_ && now - current_since_ < kCookieLifetime) return;
  // Older than two lifetimes: nobody may still hold a cookie of it.
  has_previous_ = has_current_ && now - current_since_ < 2 * kCookieLifetime;
  // On a grid of lifetimes, not at `now`: without a timer we may be late, and that must not make
  // the previous secret live longer.
  current_since_ = has_previous_ ? current_since_ + kCookieLifetime : now;
  previous_ = std::move(current_);
  current_ = {};
  random_->fill(current_.mutable_bytes());
  has_current_ = true;
}

bool CookieIssuer::is_mac2_valid(Timestamp now, const SocketAddress& source,
                                 std::span<const uint8_t> datagram) {
  const auto fields = MacFields::parse(datagram);
  if (!fields) return false;
  roll_secret(now);
  const auto matches = [&](const Secret<32>& secret) {
    return equal_constant_time(blake2s_mac(cookie_for(secret, source), {fields->beta}),
                               fields->mac2);
  };
  return matches(current_) || (has_previous_ && matches(previous_));
}

void CookieIssuer::create_reply(Timestamp now, const SocketAddress& source,
                                std::span<const uint8_t> datagram,
                                std::span<uint8_t, kCookieReplyBytes> out) {
  roll_secret(now);
  const auto fields = MacFields::parse(datagram);
  if (!fields) return;
  Mac mac1{};
  std::copy(fields->mac1.begin(), fields->mac1.end(), mac1.begin());
  seal_cookie_reply(keys_, sender_index(datagram), random_->bytes<24>(),
                    cookie_for(current_, source), mac1, out);
}

}  // namespace connlib::wireguard
