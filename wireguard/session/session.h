#pragma once

#include <cstdint>
#include <span>
#include <variant>

#include "connlib/base/timestamp.h"
#include "wireguard/crypto/aead.h"
#include "wireguard/noise/handshake.h"
#include "wireguard/session/index_table.h"
#include "wireguard/session/replay_window.h"

namespace connlib::wireguard {

inline constexpr Duration kRekeyAfterTime = 120s;   // Spec §2.
inline constexpr Duration kRejectAfterTime = 180s;  // Spec §2: dead for sending and receiving.
inline constexpr uint64_t kRekeyAfterMessages = uint64_t{1} << 60;

enum class Role : uint8_t { kInitiator, kResponder };

// SendHalf is the sending data half of a session: key, peer index and counter, no time. One owner;
// a shell may keep many on several cores.
class SendHalf {
 public:
  // `first_counter` lets a recorded session go on; new sessions start at 0.
  SendHalf(const SymmetricKey& key, SessionIndex remote_index, uint64_t first_counter = 0)
      : key_(key), remote_index_(remote_index), next_counter_(first_counter) {}

  // seal() turns `datagram` = | 16 header | padded plaintext | 16 tag | into a data message in
  // place. False, and nothing done, when the counter is used up (kRejectAfterMessages).
  // `datagram` has at least kDataMinBytes.
  [[nodiscard]] bool seal(std::span<uint8_t> datagram) noexcept;

  uint64_t next_counter() const { return next_counter_; }

 private:
  SealingKey key_;
  SessionIndex remote_index_;
  uint64_t next_counter_;
};

// What became of a data message.
enum class OpenFailure : uint8_t { kCounterRejected, kReplayed, kBadTag };

// ReceiveHalf is the receiving data half: key and replay window, no time.
class ReceiveHalf {
 public:
  explicit ReceiveHalf(const SymmetricKey& key) : key_(key) {}

  // open() authenticates and decrypts one data message in place. The plaintext (padding included,
  // empty for a keepalive) borrows from `datagram`. On failure nothing changes, `datagram`
  // included. `datagram` has at least kDataMinBytes; its index was checked by the caller.
  std::variant<std::span<uint8_t>, OpenFailure> open(std::span<uint8_t> datagram) noexcept;

  const ReplayWindow& window() const { return window_; }

 private:
  OpeningKey key_;
  ReplayWindow window_;
};

// Session is one key pair with its times: the control half owns it, the data halves do the work.
struct Session {
  Session(IndexLease lease_in, const TransportKeys& keys, Role role_in, Timestamp now)
      : lease(std::move(lease_in)),
        role(role_in),
        created(now),
        send(keys.send, keys.remote_index),
        receive(keys.receive) {}

  bool is_alive(Timestamp now) const { return now < expires_at(); }
  Timestamp expires_at() const { return created + kRejectAfterTime; }

  IndexLease lease;
  Role role;
  Timestamp created;
  bool has_sent_data = false;      // Since establishment; drives renewal at 120 s.
  bool has_received_data = false;  // Since establishment; drives renewal at 165 s.
  SendHalf send;
  ReceiveHalf receive;
};

}  // namespace connlib::wireguard
