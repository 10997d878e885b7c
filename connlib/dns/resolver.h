#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <absl/container/btree_map.h>

#include "connlib/base/ip.h"
#include "connlib/base/random_source.h"
#include "connlib/base/timestamp.h"
#include "connlib/base/wakeup.h"
#include "connlib/dns/cache.h"
#include "connlib/dns/device_pool_stub.h"
#include "connlib/dns/message.h"
#include "connlib/dns/pending_query.h"
#include "connlib/dns/query_result.h"
#include "connlib/dns/resource_stub.h"
#include "connlib/dns/sentinel_map.h"
#include "connlib/dns/tcp/client.h"
#include "connlib/dns/tcp/server.h"
#include "connlib/dns/udp_client.h"
#include "connlib/packet/ip_packet.h"

namespace connlib::dns {

// Resolver is the DNS server that a client is for its own machine: queries to the sentinels come
// out of the TUN, answers go back into it. In between: the cache, the stubs, and for the rest the
// servers outside (the shell asks them), behind the tunnel, or at the site of a resource.
//
//   handle_tun_packet ─► cache ─► device pools ─► resources ─┬► answer
//                                                            ├► poll_outside_query ─► handle_result
//                                                            ├► poll_tunnel_packet ─►
//                                                            handle_tunnel_packet └►
//                                                            poll_site_query ─► forward_to_gateway
class Resolver {
 public:
  static constexpr size_t kMaxPending = 2048;        // Ours: beyond, SERVFAIL at once.
  static constexpr Duration kPendingTimeout = 30s;   // Ours: whoever should answer has failed.
  static constexpr size_t kMaxAnsweredNames = 4096;  // Ours: beyond, only changes are told.

  // A query that the shell takes to `upstream`.
  struct OutsideQuery {
    QueryId id;
    Transport transport = Transport::kUdp;
    Upstream upstream;
    std::vector<uint8_t> message;
  };
  // A query that only the site of `resource` can answer: forward_to_gateway() when there is one.
  struct SiteQuery {
    QueryId id;
    ResourceId resource;
  };
  // A name was answered with its proxy addresses: the gateway is to resolve it again (spec 3.4).
  struct AnsweredName {
    uint32_t assignment = 0;   // Index in the AssignmentTable.
    bool has_changed = false;  // Its routes, too.
  };

  struct NotDns {};
  struct Consumed {};  // An answer may follow, or never.
  struct Reply {
    std::span<uint8_t> packet;  // For the TUN; borrows from `out`.
  };
  using TunOutcome = std::variant<NotDns, Consumed, Reply>;

  // One per cause, for metrics.
  struct Drops {
    uint64_t unmapped_sentinel = 0;  // Yesterday's server: swallowed.
    uint64_t other_port = 0;
    uint64_t malformed = 0;   // No query with exactly one question.
    uint64_t over_limit = 0;  // Answered SERVFAIL.
  };

  explicit Resolver(RandomSource& random, AssignmentTable restored = {});

  // Configuration. Servers and resources flush the cache; any change of the interface resets
  // connections inside the tunnel, since routes may lead elsewhere.
  SentinelMap::Change set_system_servers(std::span<const IpAddress> servers);
  SentinelMap::Change set_portal_servers(std::span<const IpAddress> do53,
                                         std::span<const std::string> doh_urls);
  void set_tunnel_addresses(Timestamp now, Ipv4Address v4, Ipv6Address v6);
  // The plain servers for which goes_through_tunnel() holds.
  void set_tunnelled_servers(std::span<const IpAddress> servers);
  bool add_resource(const ResourceId& id, std::string_view pattern, IpStack stack);
  void remove_resource(const ResourceId& id);
  bool add_device_pool(const ResourceId& id, std::string_view pattern);
  void remove_device_pool(const ResourceId& id);
  void reset_connections(Timestamp now);

  // handle_tun_packet() takes packets to sentinels, mapped or not. An answer that is known at once
  // is written into `out`, which has room for IpPacket::kMaxBytes.
  TunOutcome handle_tun_packet(Timestamp now, IpPacket& packet, std::span<uint8_t> out);
  // handle_tunnel_packet() takes what servers inside the tunnel answer. False: not ours.
  bool handle_tunnel_packet(Timestamp now, IpPacket& packet);

  void handle_result(Timestamp now, const QueryResult& result);  // Of an OutsideQuery.
  // Sends a SiteQuery to the DNS server of a gateway, at the tunnel address of the family that the
  // application asked. When there is no gateway to ask, fail() answers SERVFAIL.
  void forward_to_gateway(Timestamp now, QueryId id, Ipv4Address v4, Ipv6Address v6);
  void fail(Timestamp now, QueryId id);
  void handle_pool_resolved(Timestamp now, const DevicePoolStub::Request& request,
                            std::optional<Ipv4Address> v4, std::optional<Ipv6Address> v6);
  void handle_pool_failed(Timestamp now, const DevicePoolStub::Request& request,
                          DevicePoolStub::Failure failure);

  void handle_timeout(Timestamp now);
  Wakeup poll_timeout() const;
  std::optional<OutsideQuery> poll_outside_query();
  std::optional<SiteQuery> poll_site_query();
  std::optional<DevicePoolStub::Request> poll_pool_request() { return pools_.poll_request(); }
  std::optional<AnsweredName> poll_answered_name();
  std::span<uint8_t> poll_packet(Timestamp now, std::span<uint8_t> out);         // Into the TUN.
  std::span<uint8_t> poll_tunnel_packet(Timestamp now, std::span<uint8_t> out);  // As from the TUN.

  const SentinelMap& sentinels() const { return sentinels_; }
  const ResourceStub& resources() const { return resources_; }
  ResourceStub& resources() { return resources_; }
  const Drops& drops() const { return drops_; }

 private:
  QueryId remember(const Asker& asker, const Message& query);
  std::optional<std::span<uint8_t>> intake(const Asker& asker, const Message& query,
                                           std::span<uint8_t> out);
  std::optional<std::span<uint8_t>> recurse(const Asker& asker, const Message& query,
                                            const StubDecision& decision, std::span<uint8_t> out);
  void ask_upstream(QueryId id, const PendingQuery& pending);
  bool ask_in_tunnel(QueryId id, const PendingQuery& pending, const SocketAddress& server);
  TunOutcome handle_udp(const SocketAddress& from, const SocketAddress& to,
                        std::span<const uint8_t> payload, std::span<uint8_t> out);
  void take_tcp_queries();
  void drain_children();
  void complete(QueryId id, const std::variant<std::vector<uint8_t>, QueryFailure>& outcome);
  void complete_pool_answer(const DevicePoolStub::Resolved& resolved);
  void reply(const Asker& asker, const Message& query, std::span<uint8_t> response);
  void flush_after(SentinelMap::Change change);
  // The cache forgets, and what is still under way will not enter it: an answer of yesterday's
  // server, or of upstream for the name of a new resource, would stay for its whole TTL.
  void flush_cache();

  SentinelMap sentinels_;
  Cache cache_;
  DevicePoolStub pools_;
  ResourceStub resources_;
  UdpClient udp_client_;
  tcp::Client tcp_client_;
  tcp::Server tcp_server_;
  std::vector<IpAddress> tunnelled_;
  Ipv4Address local_v4_;
  Ipv6Address local_v6_;

  absl::btree_map<QueryId, PendingQuery> pending_;  // Ids grow, so deadlines do.
  uint64_t next_id_ = 1;
  uint64_t configuration_ = 0;
  std::deque<OutsideQuery> outside_;
  std::deque<SiteQuery> site_;
  std::vector<AnsweredName> answered_;  // From answered_read_ on.
  size_t answered_read_ = 0;
  std::deque<std::vector<uint8_t>> packets_;
  Drops drops_;
  Timestamp last_now_;
};

}  // namespace connlib::dns
