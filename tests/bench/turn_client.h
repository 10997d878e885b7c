#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "connlib/base/ip.h"
#include "connlib/base/random_source.h"
#include "shells/linux/udp_socket.h"
#include "snownet/stun/channel_data.h"
#include "snownet/stun/message.h"
#include "snownet/stun/message_builder.h"
#include "snownet/turn/credentials.h"

namespace connlib::bench {

// TurnClient is a client of one relay on a socket of its own. Requests block until they are
// answered: a benchmark measures how long that takes, and has nothing else to do meanwhile.
class TurnClient {
 public:
  // `is_small` is for clients that only hold an allocation, by the thousand.
  TurnClient(const SocketAddress& relay, const snownet::turn::Credentials& credentials,
             RandomSource& random, bool is_small = false);

  // allocate() takes both round trips, the challenge with the nonce included; nullopt when refused.
  std::optional<SocketAddress> allocate();
  bool bind(snownet::stun::ChannelNumber channel, const SocketAddress& peer);
  bool release();

  shells::UdpSocket& socket() { return *socket_; }
  // Why the relay refused the latest request; nullopt when it said nothing.
  std::optional<snownet::stun::ErrorCode> refusal() const { return refusal_; }

 private:
  // Asks, and once more when challenged. `add` adds the attributes of the method.
  template <typename Add>
  std::optional<snownet::stun::Message> ask(snownet::stun::Method method, const Add& add);
  std::optional<snownet::stun::Message> exchange(std::span<const uint8_t> request,
                                                 const snownet::stun::TransactionId& id);

  SocketAddress relay_;
  snownet::turn::Authentication authentication_;
  RandomSource& random_;
  std::unique_ptr<shells::UdpSocket> socket_;
  std::array<uint8_t, 2048> reply_{};
  std::optional<snownet::stun::ErrorCode> refusal_;
};

// An allocation, and how long it took to get.
struct Allocated {
  std::unique_ptr<TurnClient> client;
  SocketAddress relayed;
  double seconds = 0;
};

// allocate_client() makes a client with an allocation. A relay may remember the port of a client
// that has left (437); the client tries another one then, and only the last try is timed. It says
// why when there is none.
std::optional<Allocated> allocate_client(const SocketAddress& relay,
                                         const snownet::turn::Credentials& credentials,
                                         RandomSource& random, bool is_small = false);

// open_socket() ends the program with a message when it cannot.
std::unique_ptr<shells::UdpSocket> open_socket(const IpAddress& address, bool is_small = false);

}  // namespace connlib::bench
