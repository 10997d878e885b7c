#include "connlib/gateway/lab.h"

#include <algorithm>

#include <catch2/catch.hpp>

#include "connlib/gateway/connection_request.h"

namespace connlib::gateway::testing {
namespace {

using snownet::node::Delivered;
using snownet::node::Node;
using snownet::node::NodeOptions;

constexpr Duration kLatency = 5ms;

portal::IceCredentials ice(const std::string& ufrag) {
  return {ufrag, SecretText(ufrag + "passwordOfTheLab1234567")};
}

snownet::ice::Credentials node_ice(const std::string& ufrag) {
  return *snownet::ice::Credentials::of(ufrag, ufrag + "passwordOfTheLab1234567");
}

Secret<32> preshared_key() {
  Secret<32> key;
  std::fill(key.mutable_bytes().begin(), key.mutable_bytes().end(), uint8_t{0x5a});
  return key;
}

}  // namespace

const absl::Time kDate = absl::FromUnixSeconds(1'780'000'123);

Resource cidr(const char* id, const char* network, std::vector<Filter> filters) {
  return {.id = ResourceId(id),
          .name = id,
          .address = CidrAddress{IpPrefix::parse(network).value()},
          .filters = std::move(filters)};
}
Resource dns(const char* id, const char* pattern, std::vector<Filter> filters) {
  return {.id = ResourceId(id),
          .name = id,
          .address = DnsAddress{pattern},
          .filters = std::move(filters)};
}
Resource internet(const char* id) {
  return {.id = ResourceId(id), .name = id, .address = InternetAddress{}};
}

Lab::Lab(uint64_t seed)
    : gateway_socket(SocketAddress::parse("203.0.113.9:52625").value()),
      random(std::make_unique<SeededRandom>(seed)),
      gateway(std::make_unique<GatewayState>(NodeOptions{}, kDate, *random, null_tracer(), now)),
      relay("relay", "198.51.100.1", seed + 1) {
  relay.start(now, "secret");
  tell(init());
  run_for(1s);
}

portal::GatewayInit Lab::init() const {
  const auto listing = relay.listing_for("gateway");
  portal::GatewayInit init;
  init.interface = kOwn;
  init.relays.push_back({listing.id, listing.sockets.v4, listing.sockets.v6, listing.username,
                         SecretText(listing.password), kDate + absl::Hours(24)});
  return init;
}

LabClient& Lab::add_client(const char* id, uint8_t number) {
  LabClient client;
  client.id = ClientId(id);
  client.addresses = kOwn;
  client.addresses.ipv4.bytes[3] = number;
  client.addresses.ipv6.bytes[15] = number;
  client.socket = {Ipv4Address{{203, 0, 113, number}}, 40'000};
  client.random = std::make_unique<SeededRandom>(uint64_t{1000} + number);
  client.node = std::make_unique<Node>(NodeOptions{}, kDate, *client.random, null_tracer(), now);
  auto listing = relay.listing_for(id);
  client.node->update_relays(now, {}, std::span(&listing, 1));
  LabClient& out = clients.emplace(client.id, std::move(client)).first->second;
  run_for(1s);
  return out;
}

portal::CreateAuthorization Lab::authorization(const LabClient& client, const Resource& resource,
                                               std::optional<Duration> expires_in) const {
  portal::CreateAuthorization out;
  out.ref = client.id.value() + "/" + resource.id.value();
  out.resource = resource;
  out.client.id = client.id;
  out.client.public_key = client.node->public_key();
  out.client.preshared_key = preshared_key();
  out.client.addresses = client.addresses;
  out.client_ice = ice("client+" + client.id.value());
  out.gateway_ice = ice("gateway+" + client.id.value());
  out.flow_logs_ingest_token = SecretText(ingest_token);
  if (expires_in) out.expires_at = kDate + absl::FromChrono(now - kStart + *expires_in);
  return out;
}

bool Lab::authorize(LabClient& client, const Resource& resource,
                    std::optional<Duration> expires_in) {
  const size_t before = events.size();
  auto message = authorization(client, resource, expires_in);
  const std::string ref = message.ref;
  tell(std::move(message));
  const GatewayEvent expected = ToPortal{portal::AuthorizationAcknowledged{ref}};
  const auto news = std::span(events).subspan(before);
  if (std::find(news.begin(), news.end(), expected) == news.end()) return false;
  client.node->upsert_connection(now, PeerId(1),
                                 {.key = gateway->public_key(),
                                  .psk = preshared_key(),
                                  .local = node_ice("client+" + client.id.value()),
                                  .remote = node_ice("gateway+" + client.id.value())});
  settle();
  return true;
}

void Lab::connect(LabClient& client) {
  for (int i = 0; i < 50 && !client.node->is_connected(PeerId(1)); ++i) run_for(100ms);
  REQUIRE(client.node->is_connected(PeerId(1)));
  run_for(100ms);
}

void Lab::tell(const portal::ToGateway& message) {
  gateway->handle_portal_message(now, message);
  settle();
}

// --- Packets.

void Lab::send(LabClient& client, const Bytes& packet) {
  DatagramRun run;
  const auto outcome = client.node->encapsulate(now, PeerId(1), packet, run);
  settle();
  REQUIRE(std::holds_alternative<snownet::node::Encapsulated>(outcome));
  if (!run.empty()) {
    transmit(client.socket, run.remote(), {run.bytes().begin(), run.bytes().end()});
  }
  run_for(3 * kLatency);
}

std::variant<snownet::node::Encapsulated, Unroutable> Lab::from_tun(Bytes packet) {
  DatagramRun run;
  const auto outcome = gateway->encapsulate(now, packet, run);
  if (!run.empty()) {
    transmit(gateway_socket, run.remote(), {run.bytes().begin(), run.bytes().end()});
  }
  run_for(3 * kLatency);
  return outcome;
}

void Lab::resolve(const char* domain, std::optional<std::vector<IpAddress>> addresses,
                  std::optional<Duration> ttl) {
  REQUIRE_FALSE(resolutions.empty());
  const ResolveName asked = resolutions.front();
  resolutions.erase(resolutions.begin());
  CHECK(asked.domain == domain);
  std::optional<std::span<const IpAddress>> view;
  if (addresses) view = std::span<const IpAddress>(*addresses);
  gateway->handle_resolution(now, asked.id, view, ttl);
  run_for(3 * kLatency);
}

// --- The wire and the clock.

void Lab::transmit(const SocketAddress& from, const SocketAddress& to, Bytes bytes) {
  due_.emplace(std::pair(now + kLatency, ++sequence_),
               [this, from, to, bytes = std::move(bytes)] { deliver(from, to, bytes); });
}

void Lab::deliver(const SocketAddress& from, const SocketAddress& to, Bytes bytes) {
  if (to.ip == relay.ip) {
    relay.handle_datagram(now, {from, to, std::move(bytes), Ecn::kNotEct});
    for (auto& out : relay.take()) transmit(out.from, out.to, std::move(out.bytes));
    return;
  }
  if (to == gateway_socket) {
    gateway->handle_datagrams(now, to, from, 0, bytes, [&](std::span<uint8_t> packet) {
      tun.emplace_back(packet.begin(), packet.end());
    });
  }
  for (auto& entry : clients) {
    LabClient& client = entry.second;
    if (to != client.socket) continue;
    client.node->handle_datagrams(now, to, from, 0, bytes, [&](const Delivered& delivered) {
      client.packets.emplace_back(delivered.packet.begin(), delivered.packet.end());
    });
  }
}

void Lab::settle() {
  for (auto& [id, client] : clients) drain(client);
  drain_gateway();
}

void Lab::drain(LabClient& client) {
  while (auto out = client.node->poll_transmit()) {
    transmit(client.socket, out->to, std::move(out->bytes));
  }
  while (auto event = client.node->poll_event()) {
    if (std::holds_alternative<snownet::node::Established>(*event)) ++client.established;
    const auto* added = std::get_if<snownet::node::CandidateAdded>(&*event);
    if (added == nullptr) continue;
    portal::ClientCandidates message{portal::CandidateChange::kAdded, client.id, {}};
    message.candidates.push_back(portal::CandidateLine::parse(added->line).value());
    due_.emplace(std::pair(now + kLatency, ++sequence_), [this, message = std::move(message)] {
      gateway->handle_portal_message(now, message);
    });
  }
}

void Lab::drain_gateway() {
  while (auto out = gateway->poll_transmit()) {
    transmit(gateway_socket, out->to, std::move(out->bytes));
  }
  while (auto event = gateway->poll_event()) {
    read(*event);
    events.push_back(*std::move(event));
  }
}

void Lab::read(const GatewayEvent& event) {
  if (const auto* name = std::get_if<ResolveName>(&event)) resolutions.push_back(*name);
  const auto* told = std::get_if<ToPortal>(&event);
  if (told == nullptr) return;
  const auto* candidates = std::get_if<portal::BroadcastCandidates>(&told->message);
  if (candidates == nullptr || candidates->change != portal::CandidateChange::kAdded) return;
  for (const ClientId& id : candidates->client_ids) {
    LabClient& client = clients.at(id);
    for (const portal::CandidateLine& line : candidates->candidates) {
      ++client.candidates_told;
      client.node->add_remote_candidate(now, PeerId(1), line.text());
    }
    drain(client);
  }
}

Timestamp Lab::next_at() {
  Timestamp next = due_.empty() ? Timestamp::never() : due_.begin()->first.first;
  next = std::min({next, gateway->poll_timeout().at, relay.poll_timeout().at});
  for (auto& [id, client] : clients) next = std::min(next, client.node->poll_timeout().at);
  return std::max(next, now);
}

void Lab::step_to(Timestamp at) {
  now = at;
  while (!due_.empty() && due_.begin()->first.first <= now) {
    const auto act = std::move(due_.begin()->second);
    due_.erase(due_.begin());
    act();
    settle();
  }
  for (auto& [id, client] : clients) {
    if (client.node->poll_timeout().at <= now) client.node->handle_timeout(now);
  }
  if (relay.poll_timeout().at <= now) relay.handle_timeout(now);
  for (auto& out : relay.take()) transmit(out.from, out.to, std::move(out.bytes));
  if (gateway->poll_timeout().at <= now) {
    gateway->handle_timeout(now);
    settle();
    const Wakeup next = gateway->poll_timeout();
    INFO("spins: " << next.reason);
    REQUIRE(next.at > now);
  }
  settle();
}

void Lab::run_for(Duration span) {
  settle();
  const Timestamp end = now + span;
  for (Timestamp next = next_at(); next <= end; next = next_at()) step_to(next);
  now = end;
}

}  // namespace connlib::gateway::testing
