#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/fuzz/fuzz_input.h"
#include "wireguard/tunnel/device.h"

namespace connlib::fuzz {

// HostileWorld is two devices that are each other's only peer, a clock, and a wire whose owner
// means ill. Whatever is done to it, these hold, or the process aborts:
//
//   - after handle_timeout(now) and a drain the next wakeup lies ahead of now;
//   - what is delivered was sent, byte for byte, and is delivered once;
//   - what is dropped changes nothing but its counter, what is accepted the other end has made;
//   - no (receiver index, counter) pair is used twice, no initiation is accepted twice;
//   - initiations that nobody asked for are at least 5 s apart;
//   - indices, and datagrams per input, are bounded.
class HostileWorld {
 public:
  using Bytes = std::vector<uint8_t>;

  struct Options {
    wireguard::TunnelConfig tunnel;
    wireguard::DeviceOptions device;
  };

  explicit HostileWorld(const Options& options);

  // Which of the two ends.
  enum class Side : uint8_t { kA, kB };
  static Side other(Side side) { return side == Side::kA ? Side::kB : Side::kA; }

  // --- What the owners of the ends do.
  bool send(Side from, size_t packet_bytes);  // False: no session.
  void start_handshake(Side side);
  void set_persistent_keepalive(Side side, Duration interval);
  void forget_sessions(Side side);
  void rebuild(Side side);  // Removes the peer and adds it again.

  // --- What the wire does. `pick` chooses a datagram, modulo what there is.
  void deliver(size_t pick);
  void drop(size_t pick);
  void duplicate(size_t pick);
  void corrupt(size_t pick, size_t offset, uint8_t flip);
  void resize(size_t pick, size_t bytes);
  void reflect(size_t pick);
  void replay(size_t pick);  // From the log of what was ever sent.

  void inject(Side to, const std::optional<SocketAddress>& source, Bytes bytes);

  // What was ever sent, the latest last; older ones are forgotten.
  size_t log_size() const { return log_.size(); }
  const Bytes& logged(size_t pick) const { return log_[pick % log_.size()].bytes; }
  const PublicKey& public_key(Side side) { return end(side).device.public_key(); }

  // --- What time does.
  void advance(Duration step);
  void advance_to_next_timeout();
  void run_cleanly(Duration span);  // Everything arrives, 10 ms later, and only timeouts wake.
  void set_lag(Duration lag) { lag_ = lag; }  // Inputs carry an instant this much too early.

  // heal() makes the wire honest and demands that a packet gets through both ways within `bound`.
  void heal(Duration bound);

 private:
  struct Datagram {
    Side to;
    Timestamp arrives;
    Bytes bytes;
  };
  struct Packet {
    Side from;
    Bytes bytes;
    bool is_delivered = false;
  };
  struct End {
    End(uint64_t seed, const Options& options);
    SeededRandom random;
    wireguard::Device device;
    wireguard::PeerId peer{0};
    SocketAddress address;
    bool wants_handshake = false;  // Asked for: may leave at any time.
    Timestamp last_initiation = Timestamp::never();
    uint64_t delivered = 0;
    std::set<std::pair<uint32_t, uint64_t>> nonces;
    std::set<std::string> made;  // The covered bytes of every message that it sent.
    std::set<std::string> accepted_initiations;
  };
  // All that shows of an end's state.
  struct Snapshot {
    std::array<uint64_t, 6> counts{};
    size_t indices = 0;
    wireguard::Tai64n last_sent;
    wireguard::Tai64n last_accepted;
    Timestamp last_handshake;
    Timestamp wakeup;
    uint64_t drops = 0;
    bool can_seal = false;
    friend bool operator==(const Snapshot&, const Snapshot&) = default;
  };

  End& end(Side side) { return side == Side::kA ? a_ : b_; }
  Snapshot snapshot(Side side);
  void add_peer(Side side);
  Bytes new_packet(Side from, size_t bytes);
  Timestamp told(Side side);
  void receive(Side to, const std::optional<SocketAddress>& source, Bytes bytes);
  void receive(Side to, Bytes bytes) { receive(to, end(other(to)).address, std::move(bytes)); }
  void check_accepted(Side to, std::span<const uint8_t> bytes);
  void check_dropped(Side to, const std::optional<SocketAddress>& source, const Snapshot& before,
                     wireguard::Drop why);
  void check_delivered(Side to, std::span<const uint8_t> packet);
  void transmit(Side from, std::span<const uint8_t> bytes);
  void check_sent(End& from, std::span<const uint8_t> bytes);
  void settle(Side side);
  void settle_both();
  void deliver_due();
  Timestamp next_event();
  Datagram& picked(size_t pick) { return wire_[pick % wire_.size()]; }
  Datagram take(size_t pick);

  Options options_;
  Timestamp now_;
  Duration lag_ = 0ns;
  End a_;
  End b_;
  std::deque<Datagram> wire_;
  std::deque<Datagram> log_;
  std::map<uint64_t, Packet> packets_;
  uint64_t next_packet_ = 1;
};

}  // namespace connlib::fuzz
