#include "wireguard/noise/handshake.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "connlib/base/bytes.h"
#include "wireguard/crypto/aead.h"

namespace connlib::wireguard {
namespace {

constexpr std::string_view kConstruction = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
constexpr std::string_view kIdentifier = "WireGuard v1 zx2c4 Jason@zx2c4.com";
constexpr size_t kResponseNothingOffset = 44;

std::span<const uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// C = CK0 and H = HASH(H0 ‖ Sr.pub), the common start of both roles (§4.1 step 1).
SymmetricState initial_state(const PublicKey& responder) {
  const Hash chaining_key = blake2s({bytes_of(kConstruction)});
  const Hash hash = blake2s({chaining_key, bytes_of(kIdentifier)});
  return {Secret<32>(chaining_key), Secret<32>(blake2s({hash, responder.bytes}))};
}

void mix_hash(SymmetricState& state, std::span<const uint8_t> data) {
  Hash mixed = blake2s({state.hash.bytes(), data});
  state.hash = Secret<32>(mixed);
  wipe(mixed);
}

void mix_key(SymmetricState& state, std::span<const uint8_t> input) {
  state.chaining_key = std::move(kdf<1>(state.chaining_key.bytes(), input)[0]);
}

// (C, k) = KDF2(C, input); returns k.
SymmetricKey mix_key_and_derive(SymmetricState& state, std::span<const uint8_t> input) {
  auto derived = kdf<2>(state.chaining_key.bytes(), input);
  state.chaining_key = std::move(derived[0]);
  return std::move(derived[1]);
}

// Encrypts with the hash as additional data and mixes the ciphertext in; `out` gets it.
void seal_and_mix(SymmetricState& state, const SymmetricKey& key,
                  std::span<const uint8_t> plaintext, std::span<uint8_t> out) {
  aead_seal(key, 0, plaintext, state.hash.bytes(), out);
  mix_hash(state, out);
}

bool open_and_mix(SymmetricState& state, const SymmetricKey& key,
                  std::span<const uint8_t> ciphertext, std::span<uint8_t> out) {
  if (!aead_open(key, 0, ciphertext, state.hash.bytes(), out)) return false;
  mix_hash(state, ciphertext);
  return true;
}

// §4.3 steps 1 to 4, which both roles run: mixes the responder's ephemeral, both Diffie-Hellman
// results and the PSK. Returns the key of "nothing".
SymmetricKey mix_response(SymmetricState& state, const PublicKey& responder_ephemeral,
                          const DhResult& ephemeral_ephemeral, const DhResult& ephemeral_static,
                          const PresharedKey& preshared_key) {
  mix_hash(state, responder_ephemeral.bytes);
  mix_key(state, responder_ephemeral.bytes);
  mix_key(state, ephemeral_ephemeral.bytes());
  mix_key(state, ephemeral_static.bytes());
  auto derived = kdf<3>(state.chaining_key.bytes(), preshared_key.bytes());
  state.chaining_key = std::move(derived[0]);
  mix_hash(state, derived[1].bytes());
  return std::move(derived[2]);
}

SymmetricState copy_of(const SymmetricState& state) {
  return {state.chaining_key.clone(), state.hash.clone()};
}

}  // namespace

std::optional<RemoteIdentity> RemoteIdentity::create(const DhKey& local,
                                                     const PublicKey& public_key,
                                                     PresharedKey preshared_key) {
  auto static_static = local.agree(public_key);
  if (!static_static) return std::nullopt;
  return RemoteIdentity{public_key, std::move(preshared_key), std::move(*static_static)};
}

std::optional<PendingInitiation> create_initiation(const RemoteIdentity& remote, const DhKey& local,
                                                   SessionIndex local_index,
                                                   const Tai64n& timestamp, RandomSource& random,
                                                   std::span<uint8_t, kInitiationBytes> out) {
  SymmetricState state = initial_state(remote.public_key);
  DhKey ephemeral = DhKey::generate(random);
  const auto shared = ephemeral.agree(remote.public_key);
  if (!shared) return std::nullopt;

  store_le32(out.data(), static_cast<uint32_t>(MessageType::kInitiation));
  store_le32(out.data() + 4, local_index.value());
  std::copy(ephemeral.public_key().bytes.begin(), ephemeral.public_key().bytes.end(),
            out.begin() + 8);
  mix_key(state, ephemeral.public_key().bytes);
  mix_hash(state, ephemeral.public_key().bytes);
  seal_and_mix(state, mix_key_and_derive(state, shared->bytes()), local.public_key().bytes,
               out.subspan<40, 48>());
  seal_and_mix(state, mix_key_and_derive(state, remote.static_static.bytes()), timestamp.bytes,
               out.subspan<88, 28>());
  return PendingInitiation{local_index, std::move(state), std::move(ephemeral)};
}

std::optional<OpenedInitiation> open_initiation(const DhKey& local, const Initiation& message) {
  OpenedInitiation opened{{}, message.ephemeral, message.sender, initial_state(local.public_key())};
  mix_key(opened.state, message.ephemeral.bytes);
  mix_hash(opened.state, message.ephemeral.bytes);
  const auto shared = local.agree(message.ephemeral);
  if (!shared) return std::nullopt;
  const SymmetricKey key = mix_key_and_derive(opened.state, shared->bytes());
  if (!open_and_mix(opened.state, key, message.encrypted_static, opened.remote_static.bytes)) {
    return std::nullopt;
  }
  return opened;
}

std::optional<Tai64n> open_timestamp(const RemoteIdentity& remote, const Initiation& message,
                                     OpenedInitiation& opened) {
  if (!equal_constant_time(opened.remote_static.bytes, remote.public_key.bytes))
    return std::nullopt;
  const SymmetricKey key = mix_key_and_derive(opened.state, remote.static_static.bytes());
  Tai64n timestamp;
  if (!open_and_mix(opened.state, key, message.encrypted_timestamp, timestamp.bytes))
    return std::nullopt;
  return timestamp;
}

std::optional<TransportKeys> create_response(const RemoteIdentity& remote,
                                             const OpenedInitiation& opened,
                                             SessionIndex local_index, RandomSource& random,
                                             std::span<uint8_t, kResponseBytes> out) {
  const DhKey ephemeral = DhKey::generate(random);
  const auto with_ephemeral = ephemeral.agree(opened.remote_ephemeral);
  const auto with_static = ephemeral.agree(remote.public_key);
  if (!with_ephemeral || !with_static) return std::nullopt;

  store_le32(out.data(), static_cast<uint32_t>(MessageType::kResponse));
  store_le32(out.data() + 4, local_index.value());
  store_le32(out.data() + 8, opened.remote_index.value());
  std::copy(ephemeral.public_key().bytes.begin(), ephemeral.public_key().bytes.end(),
            out.begin() + 12);
  SymmetricState state = copy_of(opened.state);
  const SymmetricKey key = mix_response(state, ephemeral.public_key(), *with_ephemeral,
                                        *with_static, remote.preshared_key);
  seal_and_mix(state, key, {}, out.subspan<kResponseNothingOffset, kTagBytes>());
  auto keys = kdf<2>(state.chaining_key.bytes(), {});
  return TransportKeys{std::move(keys[1]), std::move(keys[0]), local_index, opened.remote_index};
}

std::optional<TransportKeys> consume_response(const RemoteIdentity& remote, const DhKey& local,
                                              const PendingInitiation& pending,
                                              const Response& message) {
  const auto with_ephemeral = pending.ephemeral.agree(message.ephemeral);
  const auto with_static = local.agree(message.ephemeral);
  if (!with_ephemeral || !with_static) return std::nullopt;
  SymmetricState state = copy_of(pending.state);
  const SymmetricKey key =
      mix_response(state, message.ephemeral, *with_ephemeral, *with_static, remote.preshared_key);
  if (!open_and_mix(state, key, message.encrypted_nothing, {})) return std::nullopt;
  auto keys = kdf<2>(state.chaining_key.bytes(), {});
  return TransportKeys{std::move(keys[0]), std::move(keys[1]), pending.local_index, message.sender};
}

}  // namespace connlib::wireguard
