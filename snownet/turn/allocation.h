#pragma once

#include <array>
#include <deque>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "connlib/base/trace.h"
#include "connlib/base/wakeup.h"
#include "snownet/turn/backoff.h"
#include "snownet/turn/channel_table.h"
#include "snownet/turn/credentials.h"
#include "snownet/turn/pending_requests.h"
#include "snownet/turn/refused_peers.h"
#include "snownet/turn/relay_sockets.h"
#include "snownet/turn/request.h"
#include "snownet/turn/waiting_binds.h"

namespace connlib::snownet::turn {

inline constexpr Duration kRelayKeepAlive = 25s;          // Below the 30 s of impatient NATs.
inline constexpr Duration kVerifiedKeepAlive = 60s;       // Ours: a Binding proves no allocation.
inline constexpr Duration kRefusedAllocationPause = 60s;  // RFC 8656 §7.4: at least one minute.
inline constexpr Duration kMinAllocationLifetime = 60s;   // Ours: bounds what a relay can cost us.
inline constexpr Duration kMaxAllocationLifetime = 1h;
inline constexpr size_t kMaxBindsOnTheirWay = 100;
inline constexpr Duration kDoubtGap = 10s;    // Ours: each doubt has its time to be resolved.
inline constexpr uint8_t kMaxChallenges = 3;  // 401 and 438 per request.

// What became of one datagram from the relay.
enum class Drop : uint8_t {
  kNotFromRelay,        // Source is none of the relay's sockets.
  kMalformed,           // Neither STUN nor ChannelData, or without what its method must carry.
  kUnknownTransaction,  // Answers nothing that is on its way there.
  kWrongIntegrity,      // Unsigned where it must be signed, or signed with another key.
  kUnboundChannel,      // Data on a channel that was never confirmed.
  kRefused,             // A challenge that we do not follow: other realm, no nonce, too many.
  kCount,
};
struct Consumed {};
// Received is what `peer` sent to our relayed address; `payload` borrows from the datagram.
struct Received {
  SocketAddress peer;
  std::span<uint8_t> payload;
};
using Inbound = std::variant<Consumed, Received, Drop>;

// ChannelRoute says how data for a peer travels: framed with `channel`, to the relay's socket.
struct ChannelRoute {
  ChannelNumber channel;
  SocketAddress relay;
};

// What a Binding answer told us: `local` reaches the network (a host candidate), which sees it as
// `mapped` (a server-reflexive candidate with base `local`).
struct AddressDiscovered {
  SocketAddress local;
  SocketAddress mapped;
  friend bool operator==(const AddressDiscovered&, const AddressDiscovered&) = default;
};
// The relay serves `relayed` for us; we talk to it at `relay`, from `local`.
struct RelayedAddressAdded {
  SocketAddress relayed;
  SocketAddress relay;
  SocketAddress local;
};
struct RelayedAddressRemoved {
  SocketAddress relayed;
};
// The relay answers, but signs with a key that is not ours any more: it has most likely restarted.
// Fresh credentials are to be had from the portal only.
struct CredentialsOutdated {};
using AllocationEvent = std::variant<AddressDiscovered, RelayedAddressAdded, RelayedAddressRemoved,
                                     CredentialsOutdated>;

// Why an allocation is of no use any more; final until restart() or set_credentials().
enum class Failure : uint8_t {
  kNoResponse,        // Nothing answers: STUN blocked, or the relay is gone.
  kWrongCredentials,  // 401 to a request with a good nonce.
  kProtocolFailure,   // The relay does not speak what we need (420, or an answer without address).
};
std::string_view failure_text(Failure failure);

// Allocation is the TURN client of one relay (RFC 8656), over UDP. It finds the address family that
// works, allocates one relayed address per family there, keeps the allocation and its channels
// alive, notices when the relay has rebooted or fallen silent, and recovers where it can.
//
//   Binding to every socket ─► first answer: active socket ─► Allocate ─► 401 ─► Allocate ─►
//   granted
//
// It allocates memory for requests only: data passes through route_to() and handle_datagram().
class Allocation {
 public:
  // `random` and `tracer` must outlive the allocation. `sockets` has at least one address.
  Allocation(const RelaySockets& sockets, Credentials credentials, RandomSource& random,
             Tracer& tracer, Timestamp now);

  // --- Network.

  // handle_datagram() takes what arrived at our address `local` from `from`.
  Inbound handle_datagram(Timestamp now, const SocketAddress& local, const SocketAddress& from,
                          std::span<uint8_t> datagram);
  [[nodiscard]] std::optional<Transmit> poll_transmit();
  [[nodiscard]] std::optional<AllocationEvent> poll_event();
  void handle_timeout(Timestamp now);
  [[nodiscard]] Wakeup poll_timeout() const;

  // --- Channels.

  // bind_channel() makes `peer` reachable, at once or when the allocation exists; a no-op when it
  // is already, or cannot be (a family that the relay did not grant, a peer that it refused).
  void bind_channel(Timestamp now, const SocketAddress& peer);
  // route_to() is how to send to `peer`, to be called for each datagram that is sent. nullopt: not
  // yet (a bind was started) or not at all; the datagram is lost.
  std::optional<ChannelRoute> route_to(Timestamp now, const SocketAddress& peer);

  // --- Facts from above.

  // probe() asks once, for a second, whether the allocation lives; a suspended one starts over. For
  // a relay that the portal did not mention again.
  void probe(Timestamp now);
  // check() asks with patience, and how the relay sees us; for when a path through this relay
  // starts losing answers.
  void check(Timestamp now);
  // doubt() asks for two and a half seconds, unless the relay was heard of just now; for when a
  // peer begins anew while we believe in a path through this relay. That we heard of it tells that
  // it is not our network that is silent.
  void doubt(Timestamp now);
  // set_credentials() allocates anew under new credentials, once the old allocation was given back
  // or a second has passed; no-op when they are the old ones.
  void set_credentials(Timestamp now, Credentials credentials);
  // restart() forgets all but sockets and credentials: our own socket is a new one.
  void restart(Timestamp now);
  // release() gives the allocation back, best effort: one datagram, no retransmission.
  void release(Timestamp now);

  // --- What is known.

  std::optional<SocketAddress> relayed_address(IpFamily family) const;
  bool is_allocated() const { return grant_.has_value(); }
  // Nothing is allocated, on its way or going to be: only probe() helps.
  bool is_suspended() const { return is_suspended_; }
  // Nothing more will come of it. Undrained events and datagrams come first.
  std::optional<Failure> failure() const;
  const std::optional<SocketAddress>& active_socket() const { return active_socket_; }
  std::optional<Duration> round_trip_time() const { return round_trip_time_; }  // Smoothed.
  // When the relay last answered with a signature; for an allocation, that it exists.
  Timestamp last_verified() const { return last_verified_; }
  const RelaySockets& sockets() const { return sockets_; }
  const std::array<uint64_t, static_cast<size_t>(Drop::kCount)>& drops() const { return drops_; }

 private:
  struct Grant {
    std::optional<SocketAddress> v4;
    std::optional<SocketAddress> v6;
    std::optional<SocketAddress> mapped;  // What the relay knows us by.
    Timestamp expires_at;
  };
  // A challenge repeats a request; everything else begins one.
  struct Attempt {
    Signing signing = Signing::kSigned;
    uint8_t challenges = 0;
    std::optional<ChannelBinding> binding = std::nullopt;
    const stun::RetransmitPolicy& policy = stun::kRelayRetransmission;
  };

  Timestamp clamp(Timestamp now) { return last_now_ = std::max(last_now_, now); }
  Inbound drop(Drop why);
  void discover(Timestamp now);
  void allocate(Timestamp now);
  void reallocate(Timestamp now);
  void refresh(Timestamp now, const stun::RetransmitPolicy& policy);
  void bind(Timestamp now, const ChannelBinding& binding);
  void bind_waiting(Timestamp now);
  void send(Timestamp now, Purpose purpose, const SocketAddress& to, const Attempt& attempt);
  void ask_bare(Timestamp now, Purpose purpose, Request& request);
  bool is_binding_as_many_as_it_may() const;

  Inbound handle_stun(Timestamp now, const SocketAddress& local, const SocketAddress& from,
                      std::span<const uint8_t> datagram);
  Inbound handle_channel_data(Timestamp now, std::span<uint8_t> datagram);
  Inbound handle_binding(Timestamp now, const SocketAddress& local, Request& request,
                         const stun::Message& message);
  Inbound handle_released(Timestamp now, Request& request, const stun::Message& message);
  void finish_release(Timestamp now);
  Inbound handle_unsigned(Timestamp now, Request& request, const stun::Message& message);
  Inbound handle_wrongly_signed();
  Inbound handle_success(Timestamp now, Request& request, const stun::Message& message);
  Inbound handle_granted(Timestamp now, const SocketAddress& relay, const stun::Message& message);
  Inbound handle_error(Timestamp now, Request& request, const stun::Message& message);
  Inbound handle_challenge(Timestamp now, Request& request, const stun::Message& message);
  void handle_mismatch(Timestamp now, const Request& request);
  void handle_refusal(Timestamp now, const Request& request, stun::ErrorCode code);
  void handle_silence(const Request& request);
  void note_address(Timestamp now, const SocketAddress& relay, const AddressDiscovered& found);
  void note_answer(Timestamp now, const Request& request);
  void fail(Failure why);
  void invalidate(const char* why);
  void invalidate_and_rebind(const char* why);
  void abandon(const char* why);
  void set_lifetime(Timestamp now, const stun::Message& message);

  void keep_alive(Timestamp now);
  Timestamp heard_at() const;
  Timestamp refresh_due() const;
  Timestamp keep_alive_due() const;
  Timestamp channel_refresh_due() const;

  RelaySockets sockets_;
  Authentication authentication_;
  std::optional<Authentication> former_;  // While what it allocated is being given back.
  RandomSource* random_;
  Tracer* tracer_;

  PendingRequests requests_;  // Two discoveries, one of each other kind, kMaxBindsOnTheirWay binds.
  std::deque<AllocationEvent> events_;
  std::optional<SocketAddress> active_socket_;
  std::optional<Failure> failure_;
  bool is_suspended_ = false;
  std::array<std::optional<AddressDiscovered>, 2> addresses_;  // By family of the relay's socket.
  std::optional<Duration> round_trip_time_;

  std::optional<Grant> grant_;
  ChannelTable channels_;
  WaitingBinds waiting_binds_;
  RefusedPeers refused_peers_;

  Timestamp refresh_at_ = Timestamp::never();
  Timestamp last_keep_alive_;
  Timestamp last_verified_;
  std::optional<Timestamp> last_received_;  // On a channel.
  std::optional<Timestamp> last_doubt_;
  Timestamp allocate_at_ = Timestamp::never();  // After the back-off.
  std::optional<Timestamp> refused_until_;      // Set by 486 and 508 to Allocate.
  Backoff reallocation_;
  uint32_t wrongly_signed_ = 0;
  Timestamp last_now_;
  std::array<uint64_t, static_cast<size_t>(Drop::kCount)> drops_{};
};

}  // namespace connlib::snownet::turn
