#include "tests/tunnel/setting.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace connlib::tunnel {
namespace {

const absl::Time kDate = absl::FromUnixSeconds(1'790'000'000);

snownet::ice::Credentials ice(const std::string& name) {
  return *snownet::ice::Credentials::of("uf" + name, "passwordOf22Characters" + name);
}
portal::IceCredentials ice_message(const std::string& name) {
  return {"uf" + name, SecretText("passwordOf22Characters" + name)};
}
Secret<32> psk() {
  std::array<uint8_t, 32> bytes{};
  bytes.fill(0x5a);
  return Secret<32>(std::span<const uint8_t, 32>(bytes));
}

}  // namespace

Ipv6Address tunnel_v6(uint8_t last) {
  Ipv6Address out{{0xfd, 0, 0x20, 0x21, 0x11, 0x11}};
  out.bytes[15] = last;
  return out;
}

Setting::Setting(uint64_t seed, size_t gateways) : world(seed), relay(sim::add_relay(world, {})) {
  const std::vector<sim::PortRange> ports = {sim::port(kTunnelPort)};
  client_host = world.add_host("client");
  client = world.emplace<ClientMachine>(client_host, "client", ports, seed, world.tracer("client"),
                                        kDate, world.now());
  client->set_portal([this](const portal::FromClient& message) { hear(message); });
  for (size_t i = 0; i < gateways; ++i) {
    const std::string name = "gateway" + std::to_string(i);
    const auto last = static_cast<uint8_t>(100 + i);
    sites.push_back({GatewayId(name),
                     SiteId("site" + std::to_string(i)),
                     {Ipv4Address{{100, 64, 0, last}}, tunnel_v6(last)},
                     world.emplace<GatewayMachine>(world.add_host(name), name, ports, seed + 1 + i,
                                                   world.tracer(name), kDate, world.now())});
    gateway(i).set_candidate_listener(
        [this, i](portal::CandidateChange change, const std::string& line) {
          soon([this, i, change, line] {
            const auto parsed = *portal::CandidateLine::parse(line);
            if (is_device(i)) {
              tell(portal::ClientCandidates{change, ClientId(sites[i].id.value()), {parsed}});
            } else {
              tell(portal::GatewayCandidates{change, sites[i].id, {parsed}});
            }
          });
        });
    world.act(sites[i].machine, [&](GatewayMachine& machine, Timestamp now) {
      const auto account = relay.account_for(name);
      const std::vector<snownet::node::RelayListing> listed = {
          {RelayId(relay.name),
           {relay.sockets[0], relay.sockets[1]},
           account.username,
           account.realm,
           account.password}};
      machine.input([&](snownet::node::Node& node) { node.update_relays(now, {}, listed); });
    });
  }
}

std::vector<portal::RelayDescriptor> Setting::relays_for(const std::string& who) const {
  const auto account = relay.account_for(who);
  std::vector<portal::RelayDescriptor> out;
  out.push_back({RelayId(relay.name), relay.sockets[0], relay.sockets[1], account.username,
                 SecretText(account.password), kDate + absl::Hours(24)});
  return out;
}

void Setting::tell(portal::ToClient message) {
  act([&](client::ClientState& state, Timestamp now) {
    state.handle_portal_message(now, std::move(message));
  });
}

void Setting::init(std::vector<portal::ClientResource> resources) {
  portal::ClientInit message;
  message.interface.addresses = {kClientV4, tunnel_v6(7)};
  message.resources = std::move(resources);
  if (with_relays) message.relays = relays_for("client");
  tell(std::move(message));
  world.run_for(1s);  // The relay answers.
}

void Setting::hear(const portal::FromClient& message) {
  if (!is_portal_up) return;
  if (std::holds_alternative<portal::NoRelays>(message)) ++no_relays;
  if (const auto* request = std::get_if<portal::RequestAuthorization>(&message)) {
    requests_.push_back(*request);
    if (!is_answering || request->device) return;
    size_t choice = 0;
    if (!request->connected_gateway_ids.empty()) {
      for (size_t i = 0; i < sites.size(); ++i) {
        if (sites[i].id == request->connected_gateway_ids.front()) choice = i;
      }
    }
    soon([this, id = request->resource_id, choice] { authorize(id, choice); });
  } else if (const auto* to_client = std::get_if<portal::ClientCandidates>(&message)) {
    hear(portal::GatewayCandidates{to_client->change, GatewayId(to_client->client_id.value()),
                                   to_client->candidates});
  } else if (const auto* candidates = std::get_if<portal::GatewayCandidates>(&message)) {
    soon([this, said = *candidates] {
      const auto site = std::find_if(sites.begin(), sites.end(),
                                     [&](const Site& s) { return s.id == said.gateway_id; });
      world.act(site->machine, [&](GatewayMachine& machine, Timestamp now) {
        machine.input([&](snownet::node::Node& node) {
          for (const auto& line : said.candidates) {
            if (said.change == portal::CandidateChange::kAdded) {
              node.add_remote_candidate(now, GatewayMachine::kClient, line.text());
            } else {
              node.remove_remote_candidate(now, GatewayMachine::kClient, line.text());
            }
          }
        });
      });
    });
  }
}

void Setting::upsert_client_at(size_t i) {
  Site& site = sites.at(i);
  const std::string name = site.id.value();
  world.act(site.machine, [&](GatewayMachine& machine, Timestamp now) {
    machine.input([&](snownet::node::Node& node) {
      node.upsert_connection(now, GatewayMachine::kClient,
                             {.key = client->state().public_key(),
                              .psk = psk(),
                              .local = ice("gate" + name),
                              .remote = ice("client" + name),
                              .role = snownet::ice::Role::kControlled,
                              .active = snownet::ice::kServerDefaultTiming,
                              .idle = snownet::ice::kServerIdleTiming});
    });
  });
}

portal::DeviceAccessAuthorized::Inbound Setting::inbound(std::vector<Filter> filters,
                                                         absl::Duration lifetime) const {
  return {ResourceId("printers"), std::move(filters), kDate + lifetime};
}

void Setting::introduce(std::optional<portal::DeviceAccessAuthorized::Inbound> inbound, size_t i) {
  devices_.insert(i);
  upsert_client_at(i);
  const Site& site = sites.at(i);
  const std::string name = site.id.value();
  tell(
      portal::DeviceAccessAuthorized{.client_id = ClientId(name),
                                     .client_name = "Device " + name,
                                     .client_public_key = site.machine->node().public_key(),
                                     .client_addresses = {site.addresses.ipv4, site.addresses.ipv6},
                                     .preshared_key = psk(),
                                     .local_ice = ice_message("client" + name),
                                     .remote_ice = ice_message("gate" + name),
                                     .ice_role = portal::IceRole::kControlling,
                                     .use_iceless = false,
                                     .inbound = std::move(inbound),
                                     .flow_logs_ingest_token = SecretText()});
}

void Setting::authorize(const ResourceId& resource, size_t i) {
  upsert_client_at(i);
  const Site& site = sites.at(i);
  const std::string name = site.id.value();
  portal::AuthorizationCreated grant{
      .resource_id = resource,
      .gateway_id = site.id,
      .site_id = site.site,
      .gateway_public_key = site.machine->node().public_key(),
      .gateway_addresses = {site.addresses.ipv4, site.addresses.ipv6},
      .preshared_key = psk(),
      .client_ice = ice_message("client" + name),
      .gateway_ice = ice_message("gate" + name),
      .use_iceless = false,
      .flow_logs_ingest_token = SecretText()};
  tell(std::move(grant));
}

void Setting::refuse(const ResourceId& resource, portal::FailureReason::Code reason) {
  tell(portal::AuthorizationFailed{resource, reason, {}});
}

client::Fate Setting::send(const Bytes& packet) {
  client::Fate fate{};
  world.act(client,
            [&](ClientMachine& machine, Timestamp now) { fate = machine.send(now, packet); });
  return fate;
}

bool Setting::run_until_received(size_t i, const Bytes& packet, Duration limit) {
  return world.run_until(
      [&] {
        const auto& got = gateway(i).received;
        return std::find(got.begin(), got.end(), packet) != got.end();
      },
      limit);
}

void Setting::gateway_sends(const Bytes& packet, size_t i) {
  world.act(sites.at(i).machine,
            [&](GatewayMachine& machine, Timestamp now) { machine.send(now, packet); });
  world.run_for(200ms);
}

}  // namespace connlib::tunnel
