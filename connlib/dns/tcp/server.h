#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include <absl/container/btree_map.h>

#include "connlib/base/ip.h"
#include "connlib/base/random_source.h"
#include "connlib/base/strong.h"
#include "connlib/base/timestamp.h"
#include "connlib/base/wakeup.h"
#include "connlib/dns/tcp/connection.h"
#include "connlib/packet/ip_packet.h"

namespace connlib::dns::tcp {

// ConnectionId names a connection of a Server; it is never used again.
using ConnectionId = Strong<struct ConnectionIdTag, uint64_t>;

// Server takes DNS queries over TCP on the sentinels (spec tunnel 3.10). A connection has one query
// outstanding: the next one is read when the answer to it was written. Who wants to talk to more
// sentinels than there are gets a reset.
class Server {
 public:
  static constexpr size_t kMaxConnectionsPerAddress = 10;  // spec tunnel 3.10
  static constexpr Duration kIdleTimeout = 30s;            // Ours: half-open ones, too.

  struct Query {
    ConnectionId connection;
    SocketAddress local;
    SocketAddress remote;
    std::vector<uint8_t> message;
  };

  explicit Server(RandomSource& random) : random_(random) {}

  // listen() replaces the addresses that are served, on port 53. Connections to others are gone.
  void listen(std::span<const IpAddress> addresses);

  // handle_packet() takes TCP packets to our addresses. False: not ours.
  bool handle_packet(Timestamp now, IpPacket& packet);

  // answer() sends `message`, of at most 65,535 bytes, as the answer to the outstanding query. When
  // the connection is gone or has none, nothing happens.
  void answer(Timestamp now, ConnectionId connection, std::span<const uint8_t> message);
  // There will be no answer; the connection is closed.
  void refuse(ConnectionId connection);

  void handle_timeout(Timestamp now);
  Wakeup poll_timeout() const;
  std::optional<Query> poll_query();
  std::span<uint8_t> poll_packet(Timestamp now, std::span<uint8_t> out);

  size_t connections() const { return sessions_.size(); }

 private:
  struct Key {
    SocketAddress local;
    SocketAddress remote;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Session {
    Connection connection;
    ConnectionId id;
    Timestamp active_at;
    bool has_query = false;  // Outstanding.
  };
  using Sessions = absl::btree_map<Key, Session>;

  Sessions::iterator accept(const Key& key, const TcpSegment& segment);
  bool make_room(const IpAddress& local);
  void update(const Key& key, Session& session);
  Session* find(ConnectionId id);
  void drop_finished();

  RandomSource& random_;
  std::vector<IpAddress> addresses_;
  Sessions sessions_;
  std::deque<Query> queries_;  // At most one per connection.
  // One reset at a time: who floods us with strays need not hear about each.
  std::optional<std::vector<uint8_t>> reset_;
  uint64_t next_id_ = 1;
  Timestamp last_now_;
};

}  // namespace connlib::dns::tcp
