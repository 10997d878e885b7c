#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/relay_machine.h"
#include "tests/sim/world.h"
#include "tests/tunnel/client_machine.h"
#include "tests/tunnel/gateway_machine.h"

namespace connlib::tunnel {

// Setting is a client, gateways, a relay and a portal that a test scripts. The portal answers
// requests by itself while `is_answering` is set: the gateway at the head of the preference list if
// it stands, else the first.
class Setting {
 public:
  struct Site {
    GatewayId id;
    SiteId site;
    TunnelAddresses addresses;
    sim::Handle<GatewayMachine> machine;
  };

  explicit Setting(uint64_t seed = 7, size_t gateways = 1);

  // --- The portal.
  void tell(portal::ToClient message);
  void init(std::vector<portal::ClientResource> resources);
  // authorize() introduces client and gateway to each other and grants `resource`.
  void authorize(const ResourceId& resource, size_t gateway = 0);
  // introduce() tells the client of machine `i` as another client: to it, with what that client may
  // do to us, or as the answer to a request of ours.
  void introduce(std::optional<portal::DeviceAccessAuthorized::Inbound> inbound, size_t i = 0);
  portal::DeviceAccessAuthorized::Inbound inbound(std::vector<Filter> filters,
                                                  absl::Duration lifetime = absl::Hours(24)) const;
  void refuse(const ResourceId& resource, portal::FailureReason::Code reason);
  size_t requests() const { return requests_.size(); }
  const std::vector<portal::RequestAuthorization>& all_requests() const { return requests_; }
  bool is_answering = true;
  bool with_relays = true;   // In init.
  size_t no_relays = 0;      // How often the client said that it has none.
  bool is_portal_up = true;  // Otherwise what the client says is lost.

  // --- The client.
  client::Fate send(const Bytes& packet);
  template <typename Act>
  void act(Act&& act) {
    world.act(client, [&](ClientMachine& machine, Timestamp now) {
      machine.input([&](client::ClientState& state) { act(state, now); });
    });
  }
  // connect() sends until the first packet to the resource arrives at a gateway.
  [[nodiscard]] bool run_until_received(size_t gateway, const Bytes& packet, Duration limit = 10s);

  GatewayMachine& gateway(size_t i = 0) { return *sites.at(i).machine.machine; }
  // gateway_sends() seals `packet` for the client and lets it arrive.
  void gateway_sends(const Bytes& packet, size_t i = 0);

  sim::World world;
  sim::VirtualRelay relay;
  sim::HostId client_host;
  sim::Handle<ClientMachine> client;
  std::vector<Site> sites;

 private:
  void hear(const portal::FromClient& message);
  void upsert_client_at(size_t i);
  std::vector<portal::RelayDescriptor> relays_for(const std::string& who) const;
  void soon(absl::AnyInvocable<void()> action) { world.after(20ms, std::move(action)); }

  bool is_device(size_t i) const { return devices_.contains(i); }

  std::vector<portal::RequestAuthorization> requests_;
  std::set<size_t> devices_;  // Machines that play another client.
};

inline const Ipv4Address kClientV4{{100, 64, 0, 7}};
Ipv6Address tunnel_v6(uint8_t last);

}  // namespace connlib::tunnel
