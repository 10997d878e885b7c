#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "snownet/turn/allocation.h"

namespace connlib::snownet::turn::testing {

using Bytes = std::vector<uint8_t>;

// An odd hour, never zero.
inline constexpr Timestamp kStart = Timestamp::from_nanoseconds(7'777'777'777'777);

inline SocketAddress address(const char* text) { return *SocketAddress::parse(text); }
inline const SocketAddress kLocal = address("10.0.0.2:52625");
inline const SocketAddress kLocal6 = address("[2001:db8:a::2]:52625");
inline const SocketAddress kMapped = address("203.0.113.21:40000");
inline const SocketAddress kMapped6 = address("[2001:db8:a::2]:52625");
inline const SocketAddress kRelay = address("203.0.113.10:3478");
inline const SocketAddress kRelay6 = address("[2001:db8:100::a]:3478");
inline const SocketAddress kRelayed = address("203.0.113.10:50000");
inline const SocketAddress kRelayed6 = address("[2001:db8:100::a]:50000");
inline const SocketAddress kPeer = address("198.51.100.7:1234");
inline const SocketAddress kPeer6 = address("[2001:db8:b::7]:1234");

inline Credentials credentials(const char* password = "secret", const char* username = "1:salt") {
  return *Credentials::create(username, "firezone", password);
}

// FakeRelay answers like the relay of the field, or like a standard server. Its habits are public:
// a test sets what it needs.
class FakeRelay {
 public:
  explicit FakeRelay(const char* password = "secret") : password_(password) {}

  bool signs_challenges = true;     // A standard server does not,
  bool wants_bare_request = false;  // and may answer 400 to integrity without a nonce.
  bool is_like_coturn = false;  // Allocations belong to a user; a second one is refused unsigned.
  std::string realm = "firezone";
  std::optional<SocketAddress> relayed = kRelayed;
  std::optional<SocketAddress> relayed6;
  std::chrono::seconds lifetime{600};
  std::string nonce = "nonce-1";
  SocketAddress mapped = kMapped;
  SocketAddress mapped6 = kMapped6;
  std::function<bool(stun::Method)> is_silent_to = [](stun::Method) { return false; };
  std::map<stun::Method, stun::ErrorCode> refuses;  // With a signed error, once authenticated.

  bool has_allocation = false;
  std::map<uint16_t, SocketAddress> channels;
  struct Seen {
    Timestamp at;
    stun::Method method;
    stun::TransactionId id;
    bool is_signed;
    std::optional<std::chrono::seconds> lifetime;
    std::optional<SocketAddress> peer;
    std::optional<uint16_t> channel;
  };
  std::vector<Seen> seen;

  size_t count(stun::Method method) const;
  // reboot() forgets all; with another password nobody can prove anything to it.
  void reboot(const char* password);

  std::optional<Bytes> handle(Timestamp now, bool is_v6, std::span<const uint8_t> datagram);

 private:
  Bytes error(const stun::Message& request, stun::ErrorCode code, bool is_signed);
  Bytes success(const stun::Message& request,
                const std::function<void(stun::MessageBuilder&)>& fill, bool is_signed = true);
  Bytes allocate(const stun::Message& request);
  Bytes refresh(const stun::Message& request);
  Bytes bind(const stun::Message& request);

  std::string password_;
  std::string owner_;
  std::optional<stun::IntegrityKey> key_;
};

// Lab is one Allocation and its relay with 10 ms between them, in virtual time.
class Lab {
 public:
  explicit Lab(RelaySockets sockets = {.v4 = kRelay, .v6 = std::nullopt}, uint64_t seed = 1);

  // run_for() moves from deadline to deadline, and fails the test when one is not truthful.
  void run_for(Duration span);
  // allocated() runs until the relay granted an address.
  void allocated();
  void drain();

  template <typename Event>
  std::vector<Event> taken() {
    std::vector<Event> out;
    for (const auto& event : events) {
      if (const auto* one = std::get_if<Event>(&event)) out.push_back(*one);
    }
    return out;
  }

  SeededRandom random;
  FakeRelay relay;
  Timestamp now = kStart;
  Duration latency = 10ms;
  SocketAddress local = kLocal;
  bool is_v6_dead = false;
  bool is_v4_dead = false;
  std::vector<AllocationEvent> events;
  std::vector<Bytes> sent;  // Everything that left, in order.
  Allocation allocation;

 private:
  struct InFlight {
    Timestamp at;
    bool to_relay;
    SocketAddress relay;
    Bytes bytes;
  };
  void deliver();
  std::deque<InFlight> wire_;
};

}  // namespace connlib::snownet::turn::testing
