#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "connlib/base/datagram_run.h"
#include "connlib/base/ip.h"
#include "shells/linux/udp_receiver.h"
#include "tests/bench/turn_client.h"

namespace connlib::bench {

enum class Direction : uint8_t { kToPeer, kToClient, kBoth };

struct TrafficOptions {
  SocketAddress relay;
  IpAddress peer;  // Where the peers are; an address of ours.
  size_t clients = 8;
  size_t payload_bytes = 1200;
  size_t batch = 1;  // Datagrams per UDP_SEGMENT send; 1: one at a time,
  size_t burst = 8;  // and that many of them in one turn.
  Direction direction = Direction::kBoth;
  double packets_per_second = 0;  // Of all senders together; 0: as fast as they can.
};

struct TrafficCounts {
  uint64_t sent = 0;
  uint64_t received = 0;
  uint64_t wrong = 0;  // Received with another size or header than it must have.
};

// RelayTraffic is `clients` clients, each with an allocation and one channel to a peer of its own,
// that send through the relay and count what arrives. All in one thread: what is sent and what is
// received takes turns, so that an overloaded relay cannot hide behind our queues.
class RelayTraffic {
 public:
  // nullptr, and a message, when the relay does not serve a client.
  static std::unique_ptr<RelayTraffic> create(const TrafficOptions& options,
                                              const snownet::turn::Credentials& credentials,
                                              RandomSource& random);
  ~RelayTraffic();

  // run() lasts `seconds` and gives what was counted meanwhile.
  TrafficCounts run(double seconds);
  // drain() takes what is still on its way.
  void drain();
  void release();

 private:
  // One socket: of a client, which frames what it sends, or of a peer.
  struct End {
    shells::UdpSocket* socket = nullptr;
    std::vector<DatagramRun> runs;     // What one turn sends; empty when it only receives.
    std::vector<uint8_t> first_bytes;  // Of all it receives.
    size_t receives_bytes = 0;
  };

  explicit RelayTraffic(const TrafficOptions& options);
  bool connect(const snownet::turn::Credentials& credentials, RandomSource& random);
  void add_ends(TurnClient& client, shells::UdpSocket& peer, const SocketAddress& relayed);
  std::vector<DatagramRun> runs_to(const SocketAddress& to, bool is_framed) const;
  bool sends_to_peers() const { return options_.direction != Direction::kToClient; }
  bool sends_to_clients() const { return options_.direction != Direction::kToPeer; }
  void send_turn(uint64_t allowed);
  void receive(int wait_ms);
  void count(const End& end, const shells::ReceivedRun& run);

  TrafficOptions options_;
  int epoll_;
  std::vector<std::unique_ptr<TurnClient>> clients_;
  std::vector<std::unique_ptr<shells::UdpSocket>> peers_;
  std::vector<std::unique_ptr<End>> ends_;
  std::vector<End*> senders_;
  shells::UdpReceiver receiver_;
  uint64_t truncated_ = 0;
  TrafficCounts counts_;
};

}  // namespace connlib::bench
