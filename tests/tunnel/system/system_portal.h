#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include <absl/functional/any_invocable.h>

#include "connlib/base/random_source.h"
#include "connlib/base/timestamp.h"
#include "connlib/portal/derivations.h"
#include "connlib/portal/from_client.h"
#include "connlib/portal/from_gateway.h"
#include "connlib/portal/to_client.h"
#include "connlib/portal/to_gateway.h"

namespace connlib::tunnel {

// SystemPortal is a portal as short as one can be that clients and gateways work with: typed
// messages in, typed messages out, no IO (spec portal-protocol 10). One account, one policy: a set
// of clients per resource. Tests change it by its methods and everybody concerned is told.
class SystemPortal {
 public:
  using PeerId = std::variant<ClientId, GatewayId>;
  struct Outgoing {
    PeerId to;
    std::variant<portal::ToClient, portal::ToGateway> message;
  };
  struct GrantKey {
    ClientId client;
    ResourceId resource;
    PeerId responder;
    friend bool operator<(const GrantKey& a, const GrantKey& b) {
      return std::tie(a.client, a.resource, a.responder) <
             std::tie(b.client, b.resource, b.responder);
    }
  };
  // What a peer is given of the relays.
  using Relays = absl::AnyInvocable<std::vector<portal::RelayDescriptor>(const std::string&)>;

  // `date` is the wall clock at `start`.
  SystemPortal(uint64_t seed, absl::Time date, Timestamp start, Relays relays);

  // --- Who there is.
  void add_client(const ClientId& id, const portal::TunnelAddresses& addresses);
  void add_gateway(const GatewayId& id, const SiteId& site,
                   const portal::TunnelAddresses& addresses);
  void handle_joined(Timestamp now, const PeerId& id, const PublicKey& key);
  void handle_left(const PeerId& id);

  // --- What people edit.
  void put(portal::ClientResource resource);  // Created, or changed.
  void remove(const ResourceId& id);
  void allow(const ClientId& client, const ResourceId& resource);
  void deny(const ClientId& client, const ResourceId& resource);
  void set_lifetime(std::optional<Duration> lifetime) { lifetime_ = lifetime; }  // Of new grants.
  void set_interface(portal::InterfaceConfig config);  // Of all clients, but for the addresses.
  void announce_relays(const std::vector<RelayId>& disconnected);

  // --- What peers say.
  void handle(Timestamp now, const ClientId& from, const portal::FromClient& message);
  void handle(Timestamp now, const GatewayId& from, const portal::FromGateway& message);
  void handle_timeout(Timestamp now);
  Timestamp next_timeout() const;
  std::optional<Outgoing> poll();

  // --- What it decided.
  const std::map<GrantKey, Timestamp>& grants() const { return grants_; }
  bool may(const ClientId& client, const ResourceId& resource) const;
  size_t requests() const { return requests_; }

 private:
  struct Device {
    std::string id;
    portal::TunnelAddresses addresses;
    SiteId site;  // Of gateways.
    Secret<32> psk_base;
    std::optional<PublicKey> key;  // While it has a channel.
  };
  struct Entry {
    portal::ClientResource resource;
    std::set<ClientId> allowed;
  };
  struct Request {
    ClientId client;
    ResourceId resource;
    GatewayId gateway;
    Timestamp deadline;
  };

  Device make_device(std::string id, const portal::TunnelAddresses& addresses);
  portal::Device view(const Device& device) const;
  absl::Time date_of(Timestamp at) const;
  template <typename Message>
  void say(const PeerId& to, Message message);
  void refuse(const ClientId& client, const ResourceId& resource,
              portal::FailureReason::Code reason);
  void send_init(const ClientId& id);
  void send_init(Timestamp now, const GatewayId& id);
  Timestamp expiry(Timestamp now) const;
  std::optional<GatewayId> choose(const Resource& resource,
                                  const std::vector<GatewayId>& preferred);
  void request(Timestamp now, const ClientId& from, const portal::RequestAuthorization& message);
  void request_device(Timestamp now, const ClientId& from,
                      const portal::RequestAuthorization& message);
  void introduce(const ClientId& initiator, const ClientId& target,
                 std::optional<portal::DeviceAccessAuthorized::Inbound> inbound, bool to_target);
  void acknowledge(const std::string& ref);
  void end_grants(const ResourceId& resource, const std::optional<ClientId>& client);

  SeededRandom random_;
  absl::Time date_;
  Timestamp start_;
  Relays relays_;
  std::map<ClientId, Device> clients_;
  std::map<GatewayId, Device> gateways_;
  std::map<ResourceId, Entry> resources_;
  portal::InterfaceConfig interface_;
  std::optional<Duration> lifetime_ = std::chrono::hours(24);
  std::map<GrantKey, Timestamp> grants_;
  std::map<std::string, Request> pending_;
  size_t requests_ = 0;
  std::deque<Outgoing> out_;
};

}  // namespace connlib::tunnel
