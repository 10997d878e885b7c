#include "tests/tunnel/system/system.h"

#include <algorithm>
#include <utility>

#include "tests/tunnel/system/questions.h"

namespace connlib::tunnel {
namespace {

constexpr Duration kPortalLatency = 20ms;
constexpr Duration kRedial = 500ms;  // After a change of network.
constexpr Duration kKernelLatency = 2ms;
constexpr Duration kResolverLatency = 30ms;
constexpr size_t kMaxMessageBytes = 1 << 20;

portal::TunnelAddresses addresses_of(uint8_t last) {
  portal::TunnelAddresses out{{{100, 64, 0, last}}, {{0xfd, 0, 0x20, 0x21, 0x11, 0x11}}};
  out.ipv6.bytes[15] = last;
  return out;
}
constexpr uint8_t kFirstClient = 7;
constexpr uint8_t kFirstGateway = 100;

// What came out of the codec, which must understand itself.
template <typename Message, typename Decode>
Message decoded(const portal::Encoded& encoded, Decode decode) {
  const auto document = portal::JsonDocument::parse(encoded.payload, kMaxMessageBytes);
  if (!document) throw sim::Failure("the portal's codec wrote no JSON: " + encoded.payload);
  auto result = decode(encoded.event, document->root());
  if (result.message() == nullptr) {
    throw sim::Failure("the portal's codec cannot read itself: " + encoded.payload);
  }
  return std::move(*result.message());
}

}  // namespace

std::string uuid(std::string_view name) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < 16; ++i) {
    const auto byte = i < name.size() ? static_cast<unsigned char>(name[i]) : 0U;
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += kDigits[byte >> 4];
    out += kDigits[byte & 0xf];
  }
  return out;
}

// --- Building.

System::System(SystemOptions options)
    : world(options.seed),
      portal(options.seed + 1, kDate, world.now(),
             [this](const std::string& who) { return relays_for(who); }),
      mutation_(options.mutation),
      start_(world.now()),
      next_seed_(options.seed * 1000) {
  for (size_t i = 0; i < options.relays; ++i) {
    const std::string name = "relay" + std::to_string(i);
    relays.push_back(sim::add_relay(world, {.name = name, .secret = "secret of " + name}));
  }
  clients.reserve(options.clients);
  for (size_t i = 0; i < options.clients; ++i) add_client(i, options);
  for (size_t site = 0; site < options.gateways_of_sites.size(); ++site) {
    for (size_t i = 0; i < options.gateways_of_sites[site]; ++i) {
      add_gateway(gateways.size(), SiteId(uuid("site" + std::to_string(site))), options);
    }
  }
}

sim::HostId System::add_host(const std::string& name, const SystemOptions& options) {
  const size_t number = clients.size() + gateways.size();
  const sim::LinkConditions cable{.latency = options.latency};
  if (number >= options.nats.size() || !options.nats[number]) {
    return world.add_host(name, {.link = cable});
  }
  const auto site = world.add_site({.name = name + "'s", .nat = options.nats[number]});
  return world.add_host(name, {.site = site, .families = sim::Families::kV4Only, .link = cable});
}

void System::add_client(size_t i, const SystemOptions& options) {
  const std::string name = "client" + std::to_string(i);
  const auto addresses = addresses_of(static_cast<uint8_t>(kFirstClient + i));
  clients.push_back({name, ClientId(uuid(name)), addresses, add_host(name, options), {}});
  clients[i].machine.machine = nullptr;
  auto machine = make_client(i);
  ClientMachine* raw = machine.get();
  clients[i].machine = {
      world.attach(clients[i].host, name, {sim::port(kTunnelPort)}, std::move(machine)), raw};
  portal.add_client(clients[i].id, addresses);
}

void System::add_gateway(size_t i, const SiteId& site, const SystemOptions& options) {
  const std::string name = "gateway" + std::to_string(i);
  const auto addresses = addresses_of(static_cast<uint8_t>(kFirstGateway + i));
  gateways.push_back({name, GatewayId(uuid(name)), site, addresses, add_host(name, options), {}});
  auto machine = make_gateway(i);
  TunnelGateway* raw = machine.get();
  gateways[i].machine = {
      world.attach(gateways[i].host, name, {sim::port(kTunnelPort)}, std::move(machine)), raw};
  portal.add_gateway(gateways[i].id, site, addresses);
}

std::unique_ptr<ClientMachine> System::make_client(size_t i) {
  auto out = std::make_unique<ClientMachine>(++next_seed_, world.tracer(clients[i].name), date(),
                                             world.now());
  out->set_portal([this, i](const portal::FromClient& message) { hear_client(i, message); });
  out->on_dns_query = [this, i](const dns::Resolver::OutsideQuery& query) {
    answer_query(i, query);
  };
  out->on_reconnect = [this, i] {
    world.after(0ms, [this, i] { cut_portal_of_client(i); });
    world.after(kRedial, [this, i] { mend_portal_of_client(i); });
  };
  return out;
}

std::unique_ptr<TunnelGateway> System::make_gateway(size_t i) {
  auto out = std::make_unique<TunnelGateway>(++next_seed_, world.tracer(gateways[i].name), date(),
                                             world.now());
  TunnelGateway* self = out.get();
  const auto is_here = [this, i, self] { return gateways[i].machine.machine == self; };
  out->set_listeners(
      {.portal = [this, i](const portal::FromGateway& message) { hear_gateway(i, message); },
       .resolver =
           [this, i, is_here](const gateway::ResolveName& name) {
             world.after(kResolverLatency, [this, i, is_here, name] {
               if (is_here()) resolve(i, name);
             });
           },
       .kernel =
           [this, i, is_here](Bytes packet) {
             auto answer = remote.take(gateways[i].id, std::move(packet));
             if (!answer) return;
             world.after(kKernelLatency, [this, i, is_here, packet = *std::move(answer)] {
               if (!is_here()) return;
               world.act(gateways[i].machine, [&](TunnelGateway& machine, Timestamp now) {
                 machine.from_kernel(now, packet);
               });
             });
           },
       .key_changed =
           [this, i] {
             world.after(0ms, [this, i] { cut_portal_of_gateway(i); });
             world.after(kRedial, [this, i] { mend_portal_of_gateway(i); });
           }});
  return out;
}

void System::start() {
  for (size_t i = 0; i < gateways.size(); ++i) mend_portal_of_gateway(i);
  for (size_t i = 0; i < clients.size(); ++i) {
    mend_portal_of_client(i);
    act(i, [](client::ClientState& state, Timestamp now) {
      state.handle_system_resolvers(now, std::vector<IpAddress>{kOutsideServer});
    });
  }
  world.run_for(1s);
}

absl::Time System::date() const { return kDate + absl::FromChrono(world.now() - start_); }

std::vector<portal::RelayDescriptor> System::relays_for(const std::string& who) const {
  std::vector<portal::RelayDescriptor> out;
  for (const sim::VirtualRelay& relay : relays) {
    const auto account = relay.account_for(who);
    out.push_back({RelayId(uuid(relay.name)), relay.sockets[0], relay.sockets[1], account.username,
                   SecretText(account.password), kDate + absl::Hours(24 * 30)});
  }
  return out;
}

void System::offer(portal::ClientResource resource) {
  const ResourceId id = portal::id_of(resource);
  edit([&](SystemPortal& p) {
    p.put(std::move(resource));
    for (const Client& client : clients) p.allow(client.id, id);
  });
}

// --- Applications.

client::Fate System::send(size_t client, Bytes packet) {
  client::Fate fate{};
  world.act(clients.at(client).machine, [&](ClientMachine& machine, Timestamp now) {
    fate = machine.send(now, std::move(packet));
  });
  return fate;
}

bool System::lie(size_t client, size_t gateway, const Bytes& packet) {
  bool is_sent = false;
  const auto& from = clients.at(client).addresses;
  const auto& to = gateways.at(gateway).addresses;
  world.act(clients.at(client).machine, [&](ClientMachine& machine, Timestamp now) {
    is_sent = machine.lie(now, from.ipv4, to.ipv4, packet);
  });
  return is_sent;
}

// --- The portal.

void System::flush_portal() {
  while (auto out = portal.poll()) deliver(std::move(*out));
  watch_portal();
}

void System::watch_portal() {
  const Timestamp next = portal.next_timeout();
  if (next == Timestamp::never()) return;
  world.after(std::max(next - world.now(), Duration(0)), [this, next] {
    if (portal.next_timeout() > next) return;
    portal.handle_timeout(world.now());
    flush_portal();
  });
}

void System::deliver(SystemPortal::Outgoing out) {
  if (const auto* id = std::get_if<ClientId>(&out.to)) {
    for (size_t i = 0; i < clients.size(); ++i) {
      if (clients[i].id != *id || !clients[i].has_channel) continue;
      auto encoded = portal::encode(std::get<portal::ToClient>(out.message));
      world.after(kPortalLatency, [this, i, channel = clients[i].channel, encoded] {
        tell_client(i, channel, encoded);
      });
    }
    return;
  }
  for (size_t i = 0; i < gateways.size(); ++i) {
    if (gateways[i].id != std::get<GatewayId>(out.to) || !gateways[i].has_channel) continue;
    auto encoded = portal::encode(std::get<portal::ToGateway>(out.message));
    world.after(kPortalLatency, [this, i, channel = gateways[i].channel, encoded] {
      tell_gateway(i, channel, encoded);
    });
  }
}

void System::tell_client(size_t i, uint64_t channel, const portal::Encoded& encoded) {
  if (!clients[i].has_channel || clients[i].channel != channel) return;
  auto message = decoded<portal::ToClient>(encoded, portal::decode_to_client);
  if (on_client_told) on_client_told(i, message);
  act(i, [&](client::ClientState& state, Timestamp now) {
    state.handle_portal_message(now, std::move(message));
  });
}

void System::tell_gateway(size_t i, uint64_t channel, const portal::Encoded& encoded) {
  if (!gateways[i].has_channel || gateways[i].channel != channel) return;
  auto message = decoded<portal::ToGateway>(encoded, portal::decode_to_gateway);
  if (on_gateway_told) on_gateway_told(i, message);
  mutate(message);
  if (mutation_ == Mutation::kKeepsRevoked &&
      std::holds_alternative<portal::RejectAccess>(message)) {
    return;
  }
  act_on_gateway(i, [&](gateway::GatewayState& state, Timestamp now) {
    state.handle_portal_message(now, message);
  });
}

void System::mutate(portal::ToGateway& message) const {
  if (mutation_ != Mutation::kForgetsFilters) return;
  if (auto* create = std::get_if<portal::CreateAuthorization>(&message)) {
    create->resource.filters.clear();
  } else if (auto* updated = std::get_if<portal::GatewayResourceUpdated>(&message)) {
    updated->resource.filters.clear();
  }
}

void System::hear_client(size_t i, const portal::FromClient& said) {
  if (!clients[i].has_channel) return;
  const auto encoded = portal::encode(said);
  world.after(kPortalLatency, [this, i, channel = clients[i].channel, encoded] {
    if (clients[i].channel != channel || !clients[i].has_channel) return;
    portal.handle(world.now(), clients[i].id,
                  decoded<portal::FromClient>(encoded, portal::decode_from_client));
    flush_portal();
  });
}

void System::hear_gateway(size_t i, const portal::FromGateway& said) {
  if (!gateways[i].has_channel) return;
  const auto encoded = portal::encode(said);
  world.after(kPortalLatency, [this, i, channel = gateways[i].channel, encoded] {
    if (gateways[i].channel != channel || !gateways[i].has_channel) return;
    portal.handle(world.now(), gateways[i].id,
                  decoded<portal::FromGateway>(encoded, portal::decode_from_gateway));
    flush_portal();
  });
}

void System::cut_portal_of_client(size_t i) {
  if (!clients[i].has_channel) return;
  clients[i].has_channel = false;
  portal.handle_left(clients[i].id);
  act(i, [](client::ClientState& state, Timestamp now) { state.handle_portal_disconnected(now); });
}

void System::mend_portal_of_client(size_t i) {
  if (clients[i].has_channel) return;
  clients[i].has_channel = true;
  ++clients[i].channel;
  portal.handle_joined(world.now(), clients[i].id, clients[i]->state().public_key());
  flush_portal();
  act(i, [](client::ClientState& state, Timestamp now) { state.handle_portal_connected(now); });
}

void System::cut_portal_of_gateway(size_t i) {
  if (!gateways[i].has_channel) return;
  gateways[i].has_channel = false;
  portal.handle_left(gateways[i].id);
  if (gateways[i].machine.machine == nullptr) return;
  act_on_gateway(i, [](gateway::GatewayState& state, Timestamp now) {
    state.handle_portal_connection(now, false);
  });
}

void System::mend_portal_of_gateway(size_t i) {
  if (gateways[i].has_channel || gateways[i].machine.machine == nullptr) return;
  gateways[i].has_channel = true;
  ++gateways[i].channel;
  portal.handle_joined(world.now(), gateways[i].id, gateways[i]->state().public_key());
  flush_portal();
  act_on_gateway(i, [](gateway::GatewayState& state, Timestamp now) {
    state.handle_portal_connection(now, true);
  });
}

// --- Names.

void System::resolve(size_t i, const gateway::ResolveName& name) {
  std::string domain = name.domain;
  if (mutation_ == Mutation::kMixesNames && !records.empty()) domain = records.begin()->first;
  const auto found = records.find(domain);
  const std::vector<IpAddress> addresses =
      found == records.end() ? std::vector<IpAddress>{} : found->second;
  const auto truth = records.find(name.domain);
  resolutions.push_back({gateways[i].id, name.domain,
                         truth == records.end() ? std::vector<IpAddress>{} : truth->second});
  act_on_gateway(i, [&](gateway::GatewayState& state, Timestamp now) {
    state.handle_resolution(now, name.id, std::span<const IpAddress>(addresses));
  });
}

// The servers of the world outside know the same names.
void System::answer_query(size_t i, const dns::Resolver::OutsideQuery& query) {
  const auto name = name_of(query.message);
  const auto found = name ? records.find(*name) : records.end();
  const auto answer =
      make_answer(query.message, found == records.end() ? std::vector<IpAddress>{} : found->second);
  if (!answer) return;
  const ClientMachine* asker = clients[i].machine.machine;
  world.after(kResolverLatency, [this, i, asker, id = query.id, answer = *answer] {
    if (clients[i].machine.machine != asker) return;
    act(i, [&](client::ClientState& state, Timestamp now) {
      state.handle_dns_result(now, {id, answer});
    });
  });
}

// --- Faults.

void System::kill_gateway(size_t i) {
  if (gateways[i].machine.machine == nullptr) return;
  cut_portal_of_gateway(i);
  world.kill(gateways[i].machine.id);
  gateways[i].machine.machine = nullptr;
}

void System::stop_gateway(size_t i) {
  if (gateways[i].machine.machine == nullptr) return;
  act_on_gateway(i, [](gateway::GatewayState& state, Timestamp now) { state.shut_down(now); });
  kill_gateway(i);
}

void System::start_gateway(size_t i) {
  if (gateways[i].machine.machine != nullptr) return;
  auto machine = make_gateway(i);
  TunnelGateway* raw = machine.get();
  world.restart(gateways[i].machine.id, std::move(machine));
  gateways[i].machine.machine = raw;
  mend_portal_of_gateway(i);
}

void System::restart_client(size_t i) {
  act(i, [](client::ClientState& state, Timestamp now) { state.shut_down(now); });
  cut_portal_of_client(i);
  world.kill(clients[i].machine.id);
  auto machine = make_client(i);
  ClientMachine* raw = machine.get();
  world.restart(clients[i].machine.id, std::move(machine));
  clients[i].machine.machine = raw;
  act(i, [](client::ClientState& state, Timestamp now) {
    state.handle_system_resolvers(now, std::vector<IpAddress>{kOutsideServer});
  });
  mend_portal_of_client(i);
}

void System::roam(size_t i) {
  world.network().move(clients[i].host, {});
  act(i, [](client::ClientState& state, Timestamp now) { state.reset(now); });
}

void System::reboot_relay(size_t i) {
  sim::reboot(world, relays.at(i), relays.at(i).secret + "+");
  portal.announce_relays({RelayId(uuid(relays.at(i).name))});
  flush_portal();
}

}  // namespace connlib::tunnel
