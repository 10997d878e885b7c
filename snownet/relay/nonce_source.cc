#include "snownet/relay/nonce_source.h"

#include <span>

#include "connlib/base/bytes.h"
#include "wireguard/crypto/base64.h"
#include "wireguard/crypto/hash.h"

namespace connlib::snownet::relay {
namespace {

static_assert(wireguard::base64_characters(9) == kNonceCharacters);

int64_t epoch_of(Timestamp now) { return now.to_nanoseconds() / kNonceEpoch.count(); }

std::span<const uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

Nonce NonceSource::issue(Timestamp now, const SocketAddress& client) const {
  return of_epoch(epoch_of(now), client);
}

bool NonceSource::accepts(Timestamp now, const SocketAddress& client,
                          std::string_view nonce) const {
  if (nonce.size() != kNonceCharacters) return false;
  const int64_t epoch = epoch_of(now);
  return equal_constant_time(as_bytes(nonce), as_bytes(of_epoch(epoch, client).text())) ||
         equal_constant_time(as_bytes(nonce), as_bytes(of_epoch(epoch - 1, client).text()));
}

Nonce NonceSource::of_epoch(int64_t epoch, const SocketAddress& client) const {
  std::array<uint8_t, 11> rest{};
  rest[0] = client.ip.is_v4() ? 4 : 6;
  store_be16(rest.data() + 1, client.port);
  store_be64(rest.data() + 3, static_cast<uint64_t>(epoch));
  const wireguard::Mac mac = wireguard::blake2s_mac(key_.bytes(), {rest, client.ip.bytes()});
  Nonce nonce;
  wireguard::encode_base64(std::span(mac).first<9>(), nonce.characters);
  return nonce;
}

}  // namespace connlib::snownet::relay
