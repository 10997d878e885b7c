#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <variant>

#include <absl/time/time.h>

#include "connlib/base/ip.h"
#include "connlib/base/random_source.h"
#include "connlib/base/timestamp.h"
#include "connlib/base/trace.h"
#include "connlib/base/wakeup.h"
#include "snownet/relay/allocation_table.h"
#include "snownet/relay/command.h"
#include "snownet/relay/counters.h"
#include "snownet/relay/credentials.h"
#include "snownet/relay/forwarding.h"
#include "snownet/relay/limits.h"
#include "snownet/relay/nonce_source.h"
#include "snownet/relay/peer_policy.h"
#include "snownet/relay/port_pool.h"
#include "snownet/relay/reply_limiter.h"
#include "snownet/relay/response.h"
#include "snownet/stun/message.h"

namespace connlib::snownet::relay {

struct ServerOptions {
  std::optional<Ipv4Address> public_v4{};  // At least one of the two. Announced to clients.
  std::optional<Ipv6Address> public_v6{};
  uint16_t listen_port = 3478;
  uint16_t lowest_port = 49152;
  uint16_t highest_port = 65535;
  // kLastRfc5766Channel serves old clients, coturn's test client for one.
  stun::ChannelNumber last_channel = stun::kLastChannel;
  Limits limits{};
  PeerPolicyOptions peers{};  // The public addresses are added to its own addresses.
};

// Server is a STUN and TURN server (RFC 8489, RFC 8656) that relays by channels over UDP. It
// decides; whoever owns it has the sockets. Clients are known by their socket address alone.
//
// After every input, drain poll_command() first (opening ports leads to responses) and then
// poll_transmit().
class Server {
 public:
  // `date` is the wall clock at `now`; `random` and `tracer` outlive the server.
  Server(ServerOptions options, Credentials credentials, RandomSource& random, Tracer& tracer,
         Timestamp now, absl::Time date);

  // handle_client_run() takes datagrams that arrived at the listening port from `client`, back to
  // back, all `segment_bytes` long but the last: what one receive gave. It answers for the longest
  // beginning with one fate; the rest, if any, is to be handed in again.
  ClientAnswer handle_client_run(Timestamp now, const SocketAddress& client,
                                 std::span<const uint8_t> run, size_t segment_bytes);

  // handle_peer_run() takes datagrams that arrived at the relayed `port` from `peer`.
  PeerAnswer handle_peer_run(Timestamp now, uint16_t port, const SocketAddress& peer,
                             std::span<const uint8_t> run, size_t segment_bytes);

  void handle_port_opened(Timestamp now, uint16_t port);
  void handle_port_failed(Timestamp now, uint16_t port);
  void handle_wall_clock(Timestamp now, absl::Time date);  // It may have been set.
  void handle_shutdown_requested(Timestamp now);  // No new allocations; existing ones go on.
  void handle_timeout(Timestamp now);

  [[nodiscard]] std::optional<Command> poll_command();
  [[nodiscard]] std::optional<Response> poll_transmit();
  [[nodiscard]] Wakeup poll_timeout() const;

  const Counters& counters() const { return counters_; }
  size_t allocation_count() const { return table_.size(); }
  size_t channel_count() const { return table_.bound_channel_count(); }
  size_t free_port_count() const { return ports_.free(); }
  bool is_draining() const { return is_draining_; }
  bool is_drained() const { return is_draining_ && table_.size() == 0; }

  // Do all indices tell the same story? Slow; for tests and debugging.
  bool is_consistent() const;

 private:
  // One request while it is served. Nothing in it outlives the call.
  struct Request {
    Timestamp now;
    SocketAddress client;
    stun::Header header;
    size_t bytes = 0;
    const stun::Message* message = nullptr;  // Null when it is malformed.
    std::optional<stun::IntegrityKey> derived_key{};
    stun::IntegrityKey* key = nullptr;
    absl::Time credentials_expire_at = absl::InfinitePast();
  };
  using Fate = std::variant<Consumed, Drop>;

  // Packet path (server_data.cc).
  std::variant<ToPeer, Drop> forward(Timestamp now, const SocketAddress& client,
                                     std::span<const uint8_t> run, size_t segment_bytes,
                                     size_t& datagrams);
  std::optional<stun::ChannelData> parse_frame(std::span<const uint8_t> datagram) const;
  size_t equal_frames_bytes(std::span<const uint8_t> run, size_t segment_bytes,
                            stun::ChannelNumber channel) const;
  const Channel* bound(Timestamp now, std::optional<ChannelId> id) const;
  bool may_pass(Timestamp now, Allocation& allocation, size_t bytes);
  void count(Traffic& traffic, size_t payload_bytes);
  Drop dropped(Drop drop, size_t datagrams = 1);

  // Requests (server.cc).
  Fate handle_stun(Timestamp now, const SocketAddress& client, std::span<const uint8_t> datagram);
  Fate serve(Request& request);
  std::optional<stun::ErrorCode> authenticate(Request& request);
  bool has_required_attributes(const stun::Message& message) const;
  void find_key(Request& request, std::string_view username);
  bool can_be_answered(const SocketAddress& client) const;

  // Methods (server_methods.cc). `request` is authenticated.
  Fate allocate(Request& request);
  std::optional<stun::ErrorCode> refuse_allocation(const Request& request, FamilySet& families);
  Fate refresh(Request& request);
  Fate bind_channel(Request& request);
  std::optional<stun::ErrorCode> refuse_channel(AllocationId id, stun::ChannelNumber number,
                                                const SocketAddress& peer) const;
  bool is_own_relayed_address(const SocketAddress& peer) const;
  Fate create_permission(Request& request);

  // Answers.
  Fate refuse(Request& request, stun::ErrorCode code,
              std::span<const stun::AttributeType> unknown = {});
  Fate answer(const Request& request, stun::ErrorCode code);
  void queue(const Response& response, stun::Method method, uint16_t code);

  // State.
  void expire(Timestamp now);
  void remove_allocation(AllocationId id, const char* why);
  Binding binding_of(const Channel& channel) const;
  void trace_allocation(const char* message, const Allocation& allocation, const char* why) const;
  void trace_refusal(const Request& request, stun::ErrorCode code) const;
  void trace_channel(const char* message, const Channel& channel) const;
  Timestamp clamp(Timestamp now);
  absl::Time date_at(Timestamp now) const;
  FamilySet families() const {
    return {options_.public_v4.has_value(), options_.public_v6.has_value()};
  }

  ServerOptions options_;
  Credentials credentials_;
  RandomSource& random_;
  Tracer& tracer_;
  Timestamp last_now_;
  Timestamp date_known_at_;
  absl::Time date_;
  NonceSource nonces_;
  ReplyLimiter replies_;
  PeerPolicy policy_;
  PortPool ports_;
  AllocationTable table_;
  RateLimit rate_;
  bool is_draining_ = false;
  std::deque<Command> commands_;
  std::deque<Response> responses_;
  Counters counters_;
};

}  // namespace connlib::snownet::relay
