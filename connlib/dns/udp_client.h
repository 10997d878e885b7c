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
#include "connlib/dns/packet_writer.h"
#include "connlib/dns/query_result.h"
#include "connlib/packet/ip_packet.h"

namespace connlib::dns {

// UdpClient asks DNS servers inside the tunnel (spec tunnel 3.8), with packets of our own making
// from ports the kernel knows nothing about. Every query has a port of its own; one that is over
// keeps it for a while, so that late and repeated replies are swallowed and do not reach the TUN.
class UdpClient {
 public:
  static constexpr size_t kMaxTracked = 1024;     // spec tunnel 3.8: over or not.
  static constexpr size_t kMaxQueryBytes = 1212;  // What fits into a packet.

  explicit UdpClient(RandomSource& random) : random_(random) {}

  // send() asks `server` from `local_ip`, which is of the same family. False when too many queries
  // wait, or `query` is no message that fits.
  [[nodiscard]] bool send(Timestamp now, QueryId id, const IpAddress& local_ip,
                          const SocketAddress& server, std::span<const uint8_t> query);

  // handle_packet() takes replies and ICMP errors that belong to us. False: not ours, pass it on.
  bool handle_packet(Timestamp now, IpPacket& packet);

  void handle_timeout(Timestamp now);
  Wakeup poll_timeout() const;
  std::optional<QueryResult> poll_result();

  // poll_packet() writes the next packet for the tunnel into `out`, which has room for
  // IpPacket::kMaxBytes. Empty when there is none.
  std::span<uint8_t> poll_packet(std::span<uint8_t> out);

  size_t tracked() const { return tracked_.size(); }

 private:
  struct Tracked {
    QueryId id;
    PacketAddresses addresses;
    uint16_t wire_id = 0;
    Timestamp deadline;
    bool is_over = false;
  };
  struct Unsent {
    uint16_t port = 0;
    std::vector<uint8_t> query;
  };

  std::optional<uint16_t> free_port();
  bool handle_icmp_error(IpPacket& packet);
  void finish(uint16_t port, Tracked& query, std::variant<std::vector<uint8_t>, QueryFailure> how);

  RandomSource& random_;
  absl::btree_map<uint16_t, Tracked> tracked_;  // By local port.
  std::deque<uint16_t> waiting_;                // Ports in the order of deadlines.
  std::deque<uint16_t> over_;                   // Ports in the order in which they ended.
  std::deque<Unsent> unsent_;
  std::deque<QueryResult> results_;
  Timestamp last_now_;
};

}  // namespace connlib::dns
