#include "connlib/portal/derivations.h"

#include <algorithm>
#include <array>

#include <absl/strings/str_cat.h>

#include "connlib/base/hex.h"
#include "connlib/portal/fields.h"
#include "snownet/stun/relay_credentials.h"
#include "wireguard/crypto/base64.h"
#include "wireguard/crypto/hash.h"

namespace connlib::portal {
namespace {

std::span<const uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

absl::string_view abseil(std::string_view text) { return {text.data(), text.size()}; }

// PBKDF2-HMAC-SHA256 with one iteration and one block of output (RFC 8018 §5.2): U1 alone.
Secret<32> pbkdf2_once(const Secret<32>& first, const Secret<32>& second, std::string_view salt) {
  static constexpr std::array<uint8_t, 4> kFirstBlock = {0, 0, 0, 1};
  Secret<64> password;
  std::copy(first.bytes().begin(), first.bytes().end(), password.mutable_bytes().begin());
  std::copy(second.bytes().begin(), second.bytes().end(), password.mutable_bytes().begin() + 32);
  wireguard::Hash derived = wireguard::hmac_sha256(password.bytes(), {as_bytes(salt), kFirstBlock});
  Secret<32> out{std::span<const uint8_t, 32>(derived)};
  wipe(derived);
  return out;
}

}  // namespace

Secret<32> derive_preshared_key(const Device& client, const Device& gateway) {
  const std::string salt =
      absl::StrCat("WG_PSK|C_ID:", abseil(client.id), "|G_ID:", abseil(gateway.id),
                   "|C_PK:", to_text(client.public_key), "|G_PK:", to_text(gateway.public_key));
  return pbkdf2_once(client.psk_base, gateway.psk_base, salt);
}

Secret<32> derive_preshared_key_of_clients(const Device& initiator, const Device& responder) {
  const std::string salt = absl::StrCat(
      "WG_PSK_CC|CA_ID:", abseil(initiator.id), "|CB_ID:", abseil(responder.id),
      "|CA_PK:", to_text(initiator.public_key), "|CB_PK:", to_text(responder.public_key));
  return pbkdf2_once(initiator.psk_base, responder.psk_base, salt);
}

IcePair derive_ice_credentials(const Device& initiator, const Device& responder) {
  const std::string input =
      absl::StrCat(abseil(initiator.id), ":", to_text(initiator.public_key), ":",
                   abseil(responder.id), ":", to_text(responder.public_key));
  const SecretText text(wireguard::encode_base32_lower(wireguard::sha256({as_bytes(input)})));
  const std::string_view all = text.reveal();
  return {.initiator = {std::string(all.substr(0, 4)), SecretText(all.substr(4, 22))},
          .responder = {std::string(all.substr(26, 4)), SecretText(all.substr(30, 22))}};
}

RelayId derive_relay_id(const SecretText& stamp_secret) {
  wireguard::Hash hash = wireguard::sha256({as_bytes(stamp_secret.reveal())});
  hash[6] = static_cast<uint8_t>((hash[6] & 0x0f) | 0x40);  // RFC 9562 §5.4: version 4,
  hash[8] = static_cast<uint8_t>((hash[8] & 0x3f) | 0x80);  // and the variant of that RFC.
  std::string uuid = to_hex(std::span(hash).first(16));
  for (const size_t hyphen : {8U, 13U, 18U, 23U}) uuid.insert(hyphen, 1, '-');
  return RelayId(std::move(uuid));
}

RelayLogin derive_relay_login(const PublicKey& of_peer, absl::Time expires_at,
                              const SecretText& stamp_secret) {
  const std::string salt =
      wireguard::encode_base64(wireguard::sha256({as_bytes(to_text(of_peer))}));
  const auto expiry = static_cast<uint64_t>(std::max<int64_t>(0, absl::ToUnixSeconds(expires_at)));
  const snownet::stun::RelayPassword password({expiry, salt}, stamp_secret.reveal());
  return {absl::StrCat(expiry, ":", salt), SecretText(password.text())};
}

std::string derive_external_id(std::string_view configured) {
  const bool is_bare_uuid = configured.size() == 32 && from_hex(configured).has_value();
  if (!is_uuid(configured) && !is_bare_uuid) return std::string(configured);
  return to_hex(wireguard::sha256({as_bytes(configured)}));
}

}  // namespace connlib::portal
