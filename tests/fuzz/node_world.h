#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "snownet/node/node.h"
#include "snownet/relay/test_relay.h"

namespace connlib::fuzz {

// NodeWorld is two nodes, two relays, a portal that passes candidates on, a clock, and a wire whose
// owner means ill. Whatever is done to it, these hold, or the process aborts:
//
//   - after handle_timeout(now) and a drain the next wakeup lies ahead of now;
//   - what is delivered was sent, byte for byte, and is delivered once;
//   - Established comes once per connection, Failed or Closed once and last, and candidates only
//     while it lives;
//   - the numbers of connections, and of paths by kind, are what upserts and events say;
//   - datagrams leave from sockets of ours, and there is a bound to what one input can cause.
class NodeWorld {
 public:
  using Bytes = std::vector<uint8_t>;
  using Node = snownet::node::Node;
  using PeerId = snownet::node::PeerId;
  using ConnectionOptions = snownet::node::ConnectionOptions;
  using RelayListing = snownet::node::RelayListing;

  static constexpr PeerId kPeer{1};  // What each end calls the other.
  static constexpr size_t kRelays = 2;

  explicit NodeWorld(snownet::node::LateCandidates policy);

  enum class Side : uint8_t { kA, kB };
  static Side other(Side side) { return side == Side::kA ? Side::kB : Side::kA; }

  // --- What the owners of the ends do.
  void introduce();  // Relays are listed, and both ends are told of each other.
  ConnectionOptions options_for(Side side) const;
  void upsert(Side side, PeerId peer, ConnectionOptions options);
  RelayListing listing(Side side, size_t relay) const;
  void list_relays(Side side, const std::vector<size_t>& removed,
                   const std::vector<RelayListing>& listed);
  void close(Side side, PeerId peer);
  void remove(Side side, PeerId peer);
  void close_all(Side side);
  void reset(Side side, snownet::node::ResetKind kind);
  void roam(Side side);  // Another local address; what is sent from the former one is lost.
  void send(Side from, PeerId to, size_t packet_bytes);

  // --- What the portal does. `pick` chooses what is on its way, modulo what there is.
  void add_line(Side to, PeerId peer, const std::string& line);
  void remove_line(Side to, PeerId peer, const std::string& line);
  void deliver_signal(size_t pick);
  void drop_signal(size_t pick);

  // --- What the wire does.
  void deliver(size_t pick);
  void drop(size_t pick);
  void replay(size_t pick);  // From the log of what was ever sent.
  void corrupt(size_t pick, size_t offset, uint8_t flip);
  void inject(Side to, const SocketAddress& source, size_t segment_bytes, Bytes bytes);
  void set_direct_path(bool is_open) { is_direct_open_ = is_open; }

  // --- What relays and time do.
  void reboot(size_t relay);
  void advance(Duration step);
  void run_cleanly(Duration span);            // Everything arrives, 10 ms later.
  void set_lag(Duration lag) { lag_ = lag; }  // Inputs carry an instant this much too early.

  // heal() makes everybody honest and demands that, told of each other anew, the ends connect and
  // pass packets both ways.
  void heal();

  const SocketAddress& address(Side side) const { return end(side).mapped; }
  static SocketAddress relay_socket(size_t relay);

 private:
  struct Datagram {
    SocketAddress from;
    SocketAddress to;
    Timestamp arrives;
    Bytes bytes;
  };
  struct Signal {
    Side to;
    bool is_removal;
    Timestamp arrives;
    std::string line;
  };
  struct Packet {
    Side from;
    Bytes bytes;
    bool is_delivered = false;
  };
  struct End {
    End(uint64_t seed, const char* local, const SocketAddress& mapped,
        snownet::node::LateCandidates policy);
    SocketAddress local;  // Its socket: behind a NAT that keeps ports and filters nothing.
    SocketAddress mapped;
    std::set<SocketAddress> locals;
    SeededRandom random;
    Node node;
    std::map<PeerId, bool> connections;  // Whether it was established.
    Timestamp told;                      // The latest instant that it knows.
    uint64_t delivered = 0;
  };

  End& end(Side side) { return side == Side::kA ? a_ : b_; }
  const End& end(Side side) const { return side == Side::kA ? a_ : b_; }
  Timestamp told(End& end);
  void settle(Side side);
  void drain(Side side);
  void settle_both();
  void check_event(Side side, const snownet::node::NodeEvent& event);
  void check_counts(const End& end) const;
  void check_delivered(Side to, std::span<const uint8_t> packet);
  void signal(Side from, const snownet::node::NodeEvent& event);
  void deliver(const Signal& signal);
  void transmit(const SocketAddress& from, const SocketAddress& to, Bytes bytes);
  void arrive(Datagram datagram);
  void arrive_at_relay(size_t relay, const Datagram& datagram);
  void receive(Side to, const SocketAddress& from, size_t segment_bytes, Bytes bytes);
  Timestamp next_event();
  void deliver_due();
  template <typename Queue>
  static auto take(Queue& queue, size_t pick);

  Timestamp now_;
  Duration lag_ = 0ns;
  End a_;
  End b_;
  std::array<std::unique_ptr<snownet::relay::testing::TestRelay>, kRelays> relays_;
  std::deque<Datagram> wire_;
  std::deque<Datagram> log_;
  std::deque<Signal> signals_;
  std::map<uint64_t, Packet> packets_;
  uint64_t next_packet_ = 1;
  uint64_t reboots_ = 0;
  bool is_direct_open_ = true;
};

}  // namespace connlib::fuzz
