#pragma once

#include <optional>
#include <span>

#include "connlib/base/random_source.h"
#include "wireguard/crypto/dh.h"
#include "wireguard/crypto/hash.h"
#include "wireguard/crypto/tai64n.h"
#include "wireguard/noise/messages.h"

namespace connlib::wireguard {

// The IKpsk2 handshake (spec §4) as create_/consume_ pairs over messages without MACs: bytes from
// mac1 on are left untouched (cookie/ fills them). Nothing here keeps state between messages.

// RemoteIdentity is what is precomputed per peer. `static_static` is SS = DH(own private, remote).
struct RemoteIdentity {
  PublicKey public_key;
  PresharedKey preshared_key;  // Zero when none.
  DhResult static_static;

  // nullopt when `public_key` is a low-order point: such a peer can never be talked to.
  static std::optional<RemoteIdentity> create(const DhKey& local, const PublicKey& public_key,
                                              PresharedKey preshared_key);
};

// The running values C and H of the paper, both wiped when done with (spec §17).
struct SymmetricState {
  Secret<32> chaining_key;
  Secret<32> hash;
};

// PendingInitiation is what the initiator keeps until the response; wiped on destruction.
struct PendingInitiation {
  SessionIndex local_index;
  SymmetricState state;
  DhKey ephemeral;
};

// OpenedInitiation is what the responder knows after decrypting the static key: who claims to be
// calling. Lives on the stack; a failing initiation changes nothing.
struct OpenedInitiation {
  PublicKey remote_static;
  PublicKey remote_ephemeral;
  SessionIndex remote_index;
  SymmetricState state;
};

// TransportKeys are the two halves of a session, seen from this side.
struct TransportKeys {
  SymmetricKey send;
  SymmetricKey receive;
  SessionIndex local_index;
  SessionIndex remote_index;
};

// create_initiation() writes everything before mac1 (§4.1) with a fresh ephemeral from `random`.
// nullopt when the Diffie-Hellman with the remote key fails.
std::optional<PendingInitiation> create_initiation(const RemoteIdentity& remote, const DhKey& local,
                                                   SessionIndex local_index,
                                                   const Tai64n& timestamp, RandomSource& random,
                                                   std::span<uint8_t, kInitiationBytes> out);

// open_initiation() runs §4.2 steps 1 and 2: one Diffie-Hellman, no peer lookup. nullopt: drop.
std::optional<OpenedInitiation> open_initiation(const DhKey& local, const Initiation& message);

// open_timestamp() runs §4.2 step 4 and advances `opened.state`. nullopt: drop.
std::optional<Tai64n> open_timestamp(const RemoteIdentity& remote, const Initiation& message,
                                     OpenedInitiation& opened);

// create_response() writes everything before mac1 (§4.3) and derives the responder's keys. `opened`
// must have passed open_timestamp(). nullopt when a Diffie-Hellman fails (low-order ephemeral).
std::optional<TransportKeys> create_response(const RemoteIdentity& remote,
                                             const OpenedInitiation& opened,
                                             SessionIndex local_index, RandomSource& random,
                                             std::span<uint8_t, kResponseBytes> out);

// consume_response() runs §4.4; nullopt on any mismatch, a wrong PSK included. `pending` is
// untouched.
std::optional<TransportKeys> consume_response(const RemoteIdentity& remote, const DhKey& local,
                                              const PendingInitiation& pending,
                                              const Response& message);

}  // namespace connlib::wireguard
