#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "connlib/base/ecn.h"
#include "connlib/base/ip.h"
#include "shells/linux/udp_socket.h"

namespace connlib::shells {

// UdpBacklog is what a full socket still has to send, oldest first. Data beyond its limit pushes
// out the oldest data; control messages are never pushed out.
class UdpBacklog {
 public:
  static constexpr size_t kMaxData = 256;      // Datagrams.
  static constexpr size_t kMaxControl = 1024;  // Then the newest is lost, and counted.

  struct Datagram {
    SocketAddress to;
    Ecn ecn = Ecn::kNotEct;
    bool is_control = false;
    std::vector<uint8_t> bytes;
    std::optional<IpAddress> source{};
  };

  // push() says how many datagrams were lost for it: 0 or 1.
  size_t push(Datagram datagram);
  bool empty() const { return queue_.empty(); }
  size_t size() const { return queue_.size(); }
  const Datagram& front() const { return queue_.front(); }
  void pop();

 private:
  std::deque<Datagram> queue_;
  size_t data_ = 0;
};

// GatherTarget is a socket to send from, and what waits for it.
struct GatherTarget {
  std::unique_ptr<UdpSocket> socket;
  UdpBacklog backlog;
};

struct GatherStats {
  uint64_t datagrams = 0;
  uint64_t messages = 0;     // What the kernel got: runs of datagrams.
  uint64_t unreachable = 0;  // And other errors of one datagram: the network's business.
  uint64_t overflowed = 0;   // Pushed out of a backlog.
};

// UdpGather collects datagrams for many sockets and sends them without having copied them: each is
// a header of four bytes or none, and a payload that stays where it was received. Equal datagrams
// of one flow become one UDP_SEGMENT message, wherever in the batch they are; a flow keeps its
// order. It allocates nothing unless a socket is full.
class UdpGather {
 public:
  static constexpr size_t kMessages = 64;
  static constexpr size_t kMaxSegments = 64;
  static constexpr size_t kHeaderBytes = 4;
  using Header = std::array<uint8_t, kHeaderBytes>;

  struct Datagram {
    SocketAddress to;
    std::optional<IpAddress> source{};  // Our address to send from; absent: the kernel chooses.
    Ecn ecn = Ecn::kNotEct;
    const Header* header = nullptr;    // Copied.
    std::span<const uint8_t> payload;  // Borrowed until flush().
    bool is_control = false;
  };

  UdpGather();
  ~UdpGather();

  // add() may flush when there is no room. `target` stays until flush().
  void add(GatherTarget& target, const Datagram& datagram);

  // flush() sends all; what a full socket does not take goes to its backlog.
  void flush();

  // drain() sends from a backlog; false while the socket is full.
  bool drain(GatherTarget& target);

  const GatherStats& stats() const { return stats_; }

 private:
  struct Message;
  struct Native;
  Message* open_message(const GatherTarget& target, const Datagram& datagram);
  void append(Message& message, const Datagram& datagram);
  void send_all_of(GatherTarget& target, size_t first);
  void prepare(Message& message, size_t slot);
  bool send_singly(Message& message);
  void postpone(Message& message, size_t from_segment);

  std::unique_ptr<Native> native_;
  size_t count_ = 0;
  GatherStats stats_;
};

}  // namespace connlib::shells
