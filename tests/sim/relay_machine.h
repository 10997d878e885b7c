#pragma once

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "snownet/relay/server.h"
#include "snownet/stun/message.h"
#include "tests/sim/world.h"

namespace connlib::sim {

// RelayMachine is snownet's relay on a virtual host: its sockets are a set of ports. It is its
// owner, the world, that has the listening port and the whole range of relayed ports for it.
class RelayMachine final : public Machine {
 public:
  RelayMachine(snownet::relay::ServerOptions options, std::string_view secret, SeededRandom random,
               Tracer& tracer, Timestamp now);

  // reboot() forgets every allocation and closes every port, as a process does that ends and is
  // started again. With another `secret` all credentials that were issued before are wrong.
  void reboot(Timestamp now, std::string_view secret);

  // With a `fault` the relay answers a request that carries a nonce with the error that the fault
  // names, signed as by a relay that knows the user. nullopt: it answers as it should.
  using Fault =
      std::function<std::optional<snownet::stun::ErrorCode>(const snownet::stun::Message&)>;
  void set_fault(Fault fault) { fault_ = std::move(fault); }

  // occupy() lets another program have a relayed port: opening it fails.
  void occupy(uint16_t port) { occupied_.insert(port); }

  void handle_datagram(Timestamp now, Datagram& datagram) override;
  void handle_timeout(Timestamp now) override;
  std::optional<Datagram> poll_transmit() override;
  Wakeup poll_timeout() const override;

  const snownet::relay::Server& server() const { return *server_; }
  const std::set<uint16_t>& open_ports() const { return open_; }
  uint64_t closed_port_hits() const { return closed_port_hits_; }  // Datagrams to closed ports.

 private:
  void start(Timestamp now, std::string_view secret);
  void from_client(Timestamp now, const Datagram& datagram);
  bool refuse(const Datagram& datagram);
  void from_peer(Timestamp now, const Datagram& datagram);
  void run_commands(Timestamp now);

  snownet::relay::ServerOptions options_;
  SeededRandom random_;
  Tracer& tracer_;
  std::string secret_;
  Fault fault_;
  std::unique_ptr<snownet::relay::Server> server_;
  std::set<uint16_t> open_;
  std::set<uint16_t> occupied_;
  std::deque<Datagram> queue_;
  Timestamp last_now_;
  uint64_t closed_port_hits_ = 0;
};

// VirtualRelay is a relay in a world, with what its clients and its portal know of it.
struct VirtualRelay {
  std::string name;
  std::string secret;
  HostId host;
  Handle<RelayMachine> machine;
  std::array<std::optional<SocketAddress>, 2> sockets;  // By family, v4 first.
  int64_t account_seconds = 86'400;  // For so long, from the start of the world, accounts are good.

  // What a portal issues to one user.
  struct Account {
    std::string username;
    std::string realm;
    std::string password;
  };
  Account account_for(std::string_view salt) const;
};

struct RelayConfig {
  std::string name = "relay";
  std::string secret = "a stamp secret of the simulator";
  InterfaceConfig interface = {};
  snownet::relay::Limits limits = {};
  uint16_t listen_port = 3478;
};

VirtualRelay add_relay(World& world, const RelayConfig& config);

// reboot() restarts the relay's process in place. With another secret only accounts issued
// afterwards are good.
void reboot(World& world, VirtualRelay& relay, std::string_view secret);

}  // namespace connlib::sim
