#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include <absl/container/btree_map.h>

#include "connlib/base/ip.h"
#include "connlib/base/random_source.h"
#include "connlib/base/timestamp.h"
#include "connlib/base/wakeup.h"
#include "connlib/dns/query_result.h"
#include "connlib/dns/tcp/connection.h"
#include "connlib/packet/ip_packet.h"

namespace connlib::dns::tcp {

// Client asks DNS servers inside the tunnel over TCP (spec tunnel 3.9): one connection per server,
// on which queries overtake each other under ids of our own. Like UdpClient it uses ports that the
// kernel knows nothing about, and swallows what arrives for connections that are over.
class Client {
 public:
  static constexpr size_t kMaxConnections = 16;  // Ours: beyond, send() fails.
  static constexpr size_t kMaxQueries = 256;     // Ours, per connection.
  static constexpr size_t kMaxClosed = 32;       // spec tunnel 3.9
  static constexpr int kMaxAttempts = 3;         // Ours: connections per query.
  static constexpr Duration kIdleTimeout = 10s;  // Ours; RFC 7766 §6.2.3 asks for one.

  explicit Client(RandomSource& random) : random_(random) {}

  // send() asks `server` from `local_ip`, which is of the same family. False when a limit is
  // reached or `query` is no message.
  [[nodiscard]] bool send(Timestamp now, QueryId id, const IpAddress& local_ip,
                          const SocketAddress& server, std::span<const uint8_t> query);

  // handle_packet() takes segments and ICMP errors that belong to us. False: not ours.
  bool handle_packet(Timestamp now, IpPacket& packet);

  // reset() fails every query and drops every connection: routes may lead elsewhere.
  void reset(Timestamp now);

  void handle_timeout(Timestamp now);
  Wakeup poll_timeout() const;
  std::optional<QueryResult> poll_result();
  std::span<uint8_t> poll_packet(Timestamp now, std::span<uint8_t> out);

 private:
  struct Query {
    QueryId id;
    std::vector<uint8_t> message;  // With the id it came with.
    Timestamp deadline;
    int attempts = 0;
    bool is_written = false;
  };
  struct Session {
    Connection connection;
    absl::btree_map<uint16_t, Query> queries;  // By id on the wire.
    Timestamp idle_since;
    bool was_established = false;
  };
  using Sessions = absl::btree_map<SocketAddress, Session>;  // By server.

  Connection connect(const IpAddress& local_ip, const SocketAddress& server);
  uint16_t free_wire_id(const Session& session);
  Session* find(const PacketAddresses& addresses);
  bool handle_icmp_error(IpPacket& packet);
  void update(Session& session);
  void write_queries(Session& session);
  void read_responses(Session& session);
  void handle_closed(Session& session);
  void fail_all(Session& session, QueryFailure failure);
  void remember_closed(const Connection& connection);
  void drop_finished();
  Timestamp idle_deadline(const Session& session) const;

  RandomSource& random_;
  Sessions sessions_;
  std::deque<PacketAddresses> closed_;  // The newest last.
  std::deque<QueryResult> results_;
  Timestamp last_now_;
};

}  // namespace connlib::dns::tcp
