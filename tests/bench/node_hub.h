#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "connlib/base/deadline_heap.h"
#include "snownet/node/node.h"
#include "snownet/relay/test_relay.h"

namespace connlib::bench {

// Spoke is the far end of one connection: an agent and a device, without a node around them.
class Spoke {
 public:
  Spoke(uint32_t number, bool is_controlling, Timestamp now, const PublicKey& hub);

  void add_candidates(Timestamp now);
  void take_line(Timestamp now, const std::string& line);
  void handle_datagram(Timestamp now, const SocketAddress& from, std::span<uint8_t> bytes);
  void handle_timeout(Timestamp now);
  Timestamp poll_timeout();
  snownet::node::ConnectionOptions options_for_hub() const;

  SocketAddress local;   // In its private network.
  SocketAddress mapped;  // What the Internet sees.
  SeededRandom random;
  snownet::ice::IceAgent agent;
  wireguard::Device device;
  wireguard::PeerId tunnel{0};
  std::vector<std::string> lines;  // To signal.
  std::vector<std::pair<SocketAddress, std::vector<uint8_t>>> out;

 private:
  void drain(Timestamp now);
  void send(const SocketAddress& local, const SocketAddress& to, std::span<const uint8_t> bytes);
  bool is_controlling_;
  Timestamp sleeps_at_;
  std::optional<snownet::ice::Path> path_;
};

// Hub is one node with a relay and many spokes on a network where everything takes kLatency, and
// what the node itself costs: CPU time of its calls, bytes that it holds. It is advanced in windows
// of that latency, so that all of the node's work in one can be timed in one piece.
class Hub {
 public:
  static constexpr Duration kLatency = 50ms;

  struct Options {
    bool is_controlling = false;  // The hub.
    bool is_direct = true;        // Else spokes are reached through the hub's relay only.
  };
  explicit Hub(const Options& options);
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  // connect() upserts a spoke at both ends, at once.
  void connect(uint32_t number);
  void run_for(Duration span);
  // Ends the process unless all connections are established in time.
  void run_until_established(Duration limit);

  static snownet::node::PeerId peer(uint32_t number) {
    return snownet::node::PeerId(uint64_t{number} + 1);
  }
  snownet::node::Node& node() { return *node_; }
  Spoke& spoke(uint32_t number) { return *spokes_[number]; }
  Timestamp now() const { return now_; }
  const SocketAddress& local() const { return local_; }
  static const SocketAddress& relay_socket();

  size_t established() const { return established_; }
  Timestamp last_established_at() const { return last_established_at_; }
  uint64_t wakeups() const { return wakeups_; }
  Duration cpu_time() const { return cpu_time_; }
  // release() destroys the node and gives the bytes that were freed by that.
  int64_t release();

 private:
  static constexpr uint32_t kRelay = ~uint32_t{0};
  struct Message {
    Timestamp at;
    uint32_t spoke;  // Of a line.
    SocketAddress from;
    SocketAddress to;
    std::vector<uint8_t> bytes;
    std::string line;
  };
  using Messages = std::vector<Message>;

  void run_window();
  void run_node(Timestamp end, Messages& inbox);
  void run_relay(const Messages& inbox);
  void run_spokes(Timestamp end, Messages& inbox);
  void service(uint32_t number, Timestamp now);
  void signal(Timestamp now, const snownet::node::NodeEvent& event);
  void send(Timestamp now, const SocketAddress& from, const SocketAddress& to,
            std::vector<uint8_t> bytes);

  Options options_;
  SocketAddress local_;
  SocketAddress mapped_;
  SeededRandom random_;
  snownet::relay::testing::TestRelay relay_;
  Timestamp now_;
  std::unique_ptr<snownet::node::Node> node_;
  std::vector<std::unique_ptr<Spoke>> spokes_;
  DeadlineHeap due_;
  Messages to_node_, to_relay_, to_spokes_;
  size_t established_ = 0;
  Timestamp last_established_at_;
  uint64_t wakeups_ = 0;
  Duration cpu_time_{};
};

}  // namespace connlib::bench
