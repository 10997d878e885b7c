#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "snownet/node/node.h"
#include "snownet/relay/server.h"

// Two nodes on a tiny wire, with real relays, a portal that passes candidates on, and a clock.
namespace connlib::snownet::node::testing {

using Bytes = std::vector<uint8_t>;

inline constexpr Timestamp kStart = Timestamp::from_nanoseconds(7'777'777'777'777);
inline constexpr PeerId kPeer{42};  // What each end calls the other.

struct Datagram {
  SocketAddress from;
  SocketAddress to;
  Bytes bytes;
  Ecn ecn = Ecn::kNotEct;
};

// ipv6_packet() is `bytes` long, with `mark` as its last byte.
Bytes ipv6_packet(size_t bytes, uint8_t mark = 0, Ecn ecn = Ecn::kNotEct);

// RelayHost is a relay's process. Its clients and its peers see one address.
class RelayHost {
 public:
  RelayHost(std::string name, const char* ip, uint64_t seed);
  void start(Timestamp now, const std::string& secret);  // Also again: a reboot.
  RelayListing listing_for(const std::string& salt) const;
  void handle_datagram(Timestamp now, const Datagram& datagram);
  void handle_timeout(Timestamp now);
  std::vector<Datagram> take() { return std::exchange(out_, {}); }
  Wakeup poll_timeout() const { return server_->poll_timeout(); }
  const relay::Server& server() const { return *server_; }

  std::string name;
  IpAddress ip;
  uint16_t port = 3478;

 private:
  void run_commands(Timestamp now);
  std::string secret_;
  SeededRandom random_;
  std::unique_ptr<relay::Server> server_;
  std::set<uint16_t> open_;
  std::vector<Datagram> out_;
};

struct End {
  SocketAddress local;                  // Its socket, where everything arrives.
  std::optional<SocketAddress> uplink;  // Another, from which it may send, too.
  IpAddress mapped;  // What the Internet sees: behind a NAT that keeps ports and filters nothing.
  std::unique_ptr<SeededRandom> random;
  std::unique_ptr<Node> node;
  std::vector<NodeEvent> events;  // All there were.
  std::vector<Bytes> packets;     // Delivered ones.
  uint64_t drops(Drop drop) const { return node->drops()[static_cast<size_t>(drop)]; }

  template <typename Event>
  size_t count() const {
    size_t n = 0;
    for (const NodeEvent& event : events) n += std::holds_alternative<Event>(event) ? 1U : 0U;
    return n;
  }
};

struct LabOptions {
  uint64_t seed = 1;
  size_t relays = 1;
  Duration latency = 10ms;
  Duration portal = 5ms;
  NodeOptions node{};
};

class Lab {
 public:
  explicit Lab(LabOptions options = {});

  // introduce() tells the relays of both ends, waits until they have allocations, and connects `a`
  // (controlling) to `b`.
  void introduce();
  Upserted upsert(End& end);
  ConnectionOptions options_for(const End& end) const;
  void list_relays(End& end, std::vector<RelayId> removed = {});

  void run_for(Duration span);
  [[nodiscard]] bool run_until(const std::function<bool()>& done, Duration limit);
  void settle();  // Takes what an input that a test made has led to.

  // send() seals one packet as a shell would.
  std::variant<Encapsulated, SendFailure> send(End& from, const Bytes& packet);
  bool is_established() const { return a.count<Established>() == 1 && b.count<Established>() == 1; }
  End& other(const End& end) { return &end == &a ? b : a; }

  Timestamp now = kStart;
  End a;
  End b;
  std::vector<std::unique_ptr<RelayHost>> relays;
  std::string psk_a = "one key for both of them, really";
  std::string psk_b = "one key for both of them, really";
  std::array<std::string, 2> ufrags{"aaaa", "bbbb"};
  ice::Timing b_active = ice::kClientDefaultTiming;
  ice::Timing b_idle = ice::kClientIdleTiming;

  // What the network loses, judged when it is sent; addresses are those of the Internet.
  std::function<bool(const Datagram&)> loses = [](const Datagram&) { return false; };
  bool is_portal_down = false;  // What is signalled waits.
  const End* mute = nullptr;    // Whose candidates the portal loses.
  bool is_roaming = false;      // Then what leaves from a former address is lost.
  bool checks_wakeups = true;   // After a timeout the next wakeup lies in the future.
  std::vector<Datagram> seen;   // All that was sent.
  size_t sent(wireguard::MessageType type, const IpAddress& from) const;

  bool is_between_ends(const Datagram& datagram) const;  // Neither end is a relay.
  RelayHost* relay_at(const IpAddress& ip);

 private:
  End make_end(const char* local, const char* mapped);
  void transmit(Datagram datagram);
  void deliver(const Datagram& datagram);
  void drain(End& end);
  void signal(End& end, const NodeEvent& event);
  void step_to(Timestamp at);
  Timestamp next_at();

  LabOptions options_;
  uint64_t sequence_ = 0;
  std::map<std::pair<Timestamp, uint64_t>, std::function<void()>> due_;
  std::vector<std::function<void()>> held_;  // While the portal is down.
};

}  // namespace connlib::snownet::node::testing
