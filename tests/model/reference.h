#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "connlib/base/timestamp.h"
#include "connlib/model/resource.h"
#include "connlib/portal/to_client.h"
#include "connlib/portal/to_gateway.h"

namespace connlib::model_test {

// What becomes of a packet of an application.
enum class Outcome : uint8_t {
  kNothing,           // Nobody sees it, nobody says anything.
  kRefusedByClient,   // ICMP prohibited, from our own client.
  kReaches,           // Its destination, once.
  kRefusedByGateway,  // ICMP prohibited, from the gateway.
  kNoRoute,           // ICMP network unreachable, from the gateway.
};
const char* name(Outcome outcome);

// What a packet is about, for whoever judges it.
struct Traffic {
  Filter::Protocol protocol = Filter::Protocol::kUdp;
  uint16_t port = 0;
};
// Where it goes: to an address, or to a name in one family.
struct Destination {
  IpAddress address;
  std::string domain{};  // Not empty: `address` only tells the family.
};

// Reference is the system as its specification describes it, slow and obvious: lists that are
// searched, no addresses of names, no connections, no ICE. It hears what the portal tells whom and
// what happens to machines, and says what must become of packets.
class Reference {
 public:
  Reference(size_t clients, size_t gateways) : clients_(clients), gateways_(gateways) {}

  // --- What the portal says.
  void hear(size_t client, const portal::ToClient& message);
  void hear(Timestamp now, size_t gateway, const portal::ToGateway& message);
  void name_gateway(const GatewayId& id, size_t gateway) { numbers_[id] = gateway; }
  void name_client(const ClientId& id, size_t client) { client_numbers_[id] = client; }
  void set_start(Timestamp start, absl::Time date) {
    start_ = start;
    date_ = date;
  }

  // --- What happens.
  void want_internet(size_t client, bool is_wanted) { clients_[client].wants_internet = is_wanted; }
  void client_roamed(size_t client) { clients_[client].gateway_of.clear(); }
  void client_restarted(size_t client);
  void gateway_gone(size_t gateway);
  void advance(Timestamp now);  // Grants end.

  // --- What must be.
  // The resource that a packet belongs to, and whether its filters permit it.
  struct Choice {
    const Resource* resource = nullptr;
    bool is_permitted = false;
  };
  Choice choose(size_t client, const Destination& to, const Traffic& traffic) const;
  // Who serves a resource for a client, as far as the client knows.
  std::optional<size_t> gateway_of(size_t client, const ResourceId& resource) const;
  bool is_peer(size_t client, size_t gateway) const;
  // What a gateway does with a packet of `client`, honest or not.
  std::set<Outcome> judge(size_t gateway, size_t client, const Destination& to,
                          const Traffic& traffic) const;
  bool has_grants(size_t gateway, size_t client) const;
  bool has_grant(size_t gateway, size_t client, const ResourceId& resource) const;
  bool expires_soon(size_t client, Timestamp now, Duration span) const;

  // The resources whose pattern matches a name.
  std::vector<const Resource*> named(size_t client, const std::string& domain) const;
  std::set<IpPrefix> routes(size_t client) const;
  const std::map<ResourceId, Resource>& view(size_t client) const { return clients_[client].view; }

 private:
  struct Client {
    std::map<ResourceId, Resource> view;  // What the portal told it of.
    std::map<ResourceId, size_t> gateway_of;
    bool wants_internet = false;
  };
  struct Grant {
    Resource resource;
    Timestamp expires_at;
  };
  struct Gateway {
    std::map<size_t, std::map<ResourceId, Grant>> grants;  // By client.
  };

  void replace(size_t client, const Resource& resource);
  void forget(size_t client, const ResourceId& resource);
  void leave(size_t client, size_t gateway);
  void dismiss(size_t gateway, size_t client);
  Timestamp instant_of(absl::Time date) const;

  std::vector<Client> clients_;
  std::vector<Gateway> gateways_;
  std::map<GatewayId, size_t> numbers_;
  std::map<ClientId, size_t> client_numbers_;
  Timestamp start_;
  absl::Time date_;
};

// leads_to_internet() is where the Internet resource leads, of all that this model sends to.
bool leads_to_internet(const IpAddress& address);

// matches() is the meaning of a pattern: `*.` one label or none, `**.` any number of labels.
bool matches(const std::string& pattern, const std::string& domain);

}  // namespace connlib::model_test
