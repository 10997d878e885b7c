#include "wireguard/crypto/dh.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include "connlib/base/check.h"

namespace connlib::wireguard {
namespace {

struct KeyDeleter {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};
using KeyObject = std::unique_ptr<EVP_PKEY, KeyDeleter>;
using DeriveContext = std::unique_ptr<EVP_PKEY_CTX, KeyDeleter>;

// Whatever fails in its lifetime leaves no entry on the thread's error queue. A peer can make a
// derivation fail at will, and SSL_get_error() in a shell would blame its own connection for it.
class QuietErrors {
 public:
  QuietErrors() { ERR_set_mark(); }
  ~QuietErrors() { ERR_pop_to_mark(); }
  QuietErrors(const QuietErrors&) = delete;
  QuietErrors& operator=(const QuietErrors&) = delete;
};

}  // namespace

struct DhKey::Impl {
  PrivateKey private_key;
  KeyObject object;
};

DhKey::DhKey(const PrivateKey& private_key) : impl_(std::make_unique<Impl>()) {
  impl_->private_key = private_key.clone();
  const auto bytes = private_key.bytes();
  impl_->object.reset(
      EVP_PKEY_new_raw_private_key_ex(nullptr, "X25519", nullptr, bytes.data(), bytes.size()));
  CONNLIB_CHECK(impl_->object != nullptr);
  size_t size = public_key_.bytes.size();
  CONNLIB_CHECK(EVP_PKEY_get_raw_public_key(impl_->object.get(), public_key_.bytes.data(), &size) ==
                1);
}

DhKey DhKey::generate(RandomSource& random) {
  PrivateKey key;
  random.fill(key.mutable_bytes());
  return DhKey(key);
}

DhKey::DhKey(DhKey&&) noexcept = default;
DhKey& DhKey::operator=(DhKey&&) noexcept = default;
DhKey::~DhKey() = default;

PrivateKey DhKey::private_key() const { return impl_->private_key.clone(); }

std::optional<DhResult> DhKey::agree(const PublicKey& remote) const {
  const QuietErrors quiet;
  const KeyObject peer(EVP_PKEY_new_raw_public_key_ex(nullptr, "X25519", nullptr,
                                                      remote.bytes.data(), remote.bytes.size()));
  const DeriveContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, impl_->object.get(), nullptr));
  CONNLIB_CHECK(peer != nullptr && context != nullptr && EVP_PKEY_derive_init(context.get()) == 1 &&
                EVP_PKEY_derive_set_peer_ex(context.get(), peer.get(), 0) == 1);
  DhResult out;
  size_t size = out.bytes().size();
  // OpenSSL refuses an all-zero result, which is the low-order check (spec §16).
  if (EVP_PKEY_derive(context.get(), out.mutable_bytes().data(), &size) != 1 || out.is_zero()) {
    return std::nullopt;
  }
  return out;
}

}  // namespace connlib::wireguard
