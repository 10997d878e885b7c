#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/relay_machine.h"
#include "tests/sim/world.h"
#include "tests/tunnel/client_machine.h"
#include "tests/tunnel/system/remote_hosts.h"
#include "tests/tunnel/system/system_portal.h"
#include "tests/tunnel/system/tunnel_gateway.h"

namespace connlib::tunnel {

// What a harness does to a gateway so that the system is broken in one way. A test of the system
// that does not notice is no test.
enum class Mutation : uint8_t {
  kNone,
  kForgetsFilters,  // The gateway does not check ports.
  kMixesNames,      // All names lead to the addresses of one.
  kKeepsRevoked,    // The gateway is not told of revocations.
};

struct SystemOptions {
  uint64_t seed = 7;
  size_t clients = 1;
  std::vector<size_t> gateways_of_sites = {1};  // "site0" has so many gateways, and so on.
  size_t relays = 1;
  // What each host is behind, clients first; where nothing is said, it has public addresses.
  std::vector<std::optional<sim::NatBehaviour>> nats = {};
  Duration latency = 5ms;  // Of each host's cable.
  Mutation mutation = Mutation::kNone;
  bool is_exact_seed = false;  // Not replaced by CONNLIB_SEED.
};

// uuid() is a name of up to 16 characters as the portal's wire wants ids: "lab" becomes
// 6c616200-0000-…. Order is kept.
std::string uuid(std::string_view name);

// System is clients, gateways, relays, a portal and everybody behind the gateways, over a virtual
// network: real states everywhere but for the portal. Messages of the portal pass its codec.
//
//   application ─► client ═══ tunnel ═══ gateway ─► remote hosts
//                     └──── portal ────────┘
class System {
 public:
  struct Client {
    std::string name;
    ClientId id;
    portal::TunnelAddresses addresses;
    sim::HostId host;
    sim::Handle<ClientMachine> machine;
    bool has_channel = false;
    uint64_t channel = 0;  // Its number: what was said to an older one is lost.
    ClientMachine* operator->() const { return machine.machine; }
  };
  struct Gateway {
    std::string name;
    GatewayId id;
    SiteId site;
    portal::TunnelAddresses addresses;
    sim::HostId host;
    sim::Handle<TunnelGateway> machine;  // Null while it is dead.
    bool has_channel = false;
    uint64_t channel = 0;
    TunnelGateway* operator->() const { return machine.machine; }
  };
  // What a gateway's resolver said.
  struct Resolution {
    GatewayId gateway;
    std::string domain;
    std::vector<IpAddress> addresses;
  };

  explicit System(SystemOptions options = {});

  // start() has everybody join the portal and get allocations.
  void start();

  // --- Policy. offer() creates or changes a resource and allows it to every client.
  void offer(portal::ClientResource resource);
  // edit() changes the portal, then those concerned are told.
  template <typename Edit>
  void edit(Edit&& edit) {
    edit(portal);
    flush_portal();
  }

  // --- Applications.
  client::Fate send(size_t client, Bytes packet);
  // lie() has a client send what its state would not: sealed for the gateway as it is. False
  // without a connection to that gateway.
  bool lie(size_t client, size_t gateway, const Bytes& packet);
  template <typename Act>
  void act(size_t client, Act&& act) {
    world.act(clients.at(client).machine, [&](ClientMachine& machine, Timestamp now) {
      machine.input([&](client::ClientState& state) { act(state, now); });
    });
  }
  template <typename Act>
  void act_on_gateway(size_t gateway, Act&& act) {
    world.act(gateways.at(gateway).machine, [&](TunnelGateway& machine, Timestamp now) {
      machine.input([&](gateway::GatewayState& state) { act(state, now); });
    });
  }

  // --- Faults. Killed gateways say nothing; stopped ones say goodbye.
  void cut_portal_of_client(size_t client);
  void mend_portal_of_client(size_t client);
  void cut_portal_of_gateway(size_t gateway);
  void mend_portal_of_gateway(size_t gateway);
  void kill_gateway(size_t gateway);
  void stop_gateway(size_t gateway);
  void start_gateway(size_t gateway);
  void restart_client(size_t client);
  void roam(size_t client);
  void reboot_relay(size_t relay);

  // What came out of that client's TUN. Whoever reads it may empty it.
  std::vector<Bytes>& received(size_t client) { return clients.at(client)->received; }

  // Whoever wants to know what the portal tells whom, just before they are told.
  absl::AnyInvocable<void(size_t client, const portal::ToClient&)> on_client_told;
  absl::AnyInvocable<void(size_t gateway, const portal::ToGateway&)> on_gateway_told;

  sim::World world;
  RemoteHosts remote;
  std::vector<sim::VirtualRelay> relays;
  SystemPortal portal;
  std::vector<Client> clients;
  std::vector<Gateway> gateways;
  std::map<std::string, std::vector<IpAddress>> records;  // Of the whole world's DNS.
  std::vector<Resolution> resolutions;

 private:
  sim::HostId add_host(const std::string& name, const SystemOptions& options);
  void add_client(size_t i, const SystemOptions& options);
  void add_gateway(size_t i, const SiteId& site, const SystemOptions& options);
  void join_client(size_t i);
  void join_gateway(size_t i);
  void leave_client(size_t i);
  void leave_gateway(size_t i);
  void flush_portal();
  void deliver(SystemPortal::Outgoing message);
  void tell_client(size_t i, uint64_t channel, const portal::Encoded& encoded);
  void tell_gateway(size_t i, uint64_t channel, const portal::Encoded& encoded);
  void hear_client(size_t i, const portal::FromClient& message);
  void hear_gateway(size_t i, const portal::FromGateway& message);
  void watch_portal();
  std::unique_ptr<ClientMachine> make_client(size_t i);
  std::unique_ptr<TunnelGateway> make_gateway(size_t i);
  void resolve(size_t i, const gateway::ResolveName& name);
  void answer_query(size_t i, const dns::Resolver::OutsideQuery& query);
  std::vector<portal::RelayDescriptor> relays_for(const std::string& who) const;
  absl::Time date() const;
  void mutate(portal::ToGateway& message) const;

  Mutation mutation_;
  Timestamp start_;
  uint64_t next_seed_;
};

inline const absl::Time kDate = absl::FromUnixSeconds(1'790'000'000);  // When it starts.
inline constexpr IpAddress kOutsideServer = Ipv4Address{{192, 0, 2, 53}};

}  // namespace connlib::tunnel
