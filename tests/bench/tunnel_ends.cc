#include "tests/bench/tunnel_ends.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "connlib/base/check.h"
#include "connlib/client/client_state.h"
#include "connlib/dns/message.h"
#include "connlib/dns/message_builder.h"
#include "connlib/gateway/gateway_state.h"
#include "connlib/packet/ip_packet.h"
#include "snownet/relay/test_relay.h"
#include "tests/support/packets.h"

namespace connlib::bench {
namespace {

using connlib::testing::Bytes;
using snownet::node::Encapsulated;
using snownet::node::Node;
using snownet::relay::testing::kDate;
using snownet::relay::testing::kStart;
using snownet::relay::testing::TestRelay;

const SocketAddress kClientSocket = snownet::relay::testing::kAlice;
const SocketAddress kGatewaySocket = snownet::relay::testing::kBob;
const SocketAddress kRelaySocket{snownet::relay::testing::kPublic4, 3478};
const portal::TunnelAddresses kClientAddresses{
    {{100, 64, 0, 7}}, {{0xfd, 0, 0x20, 0x21, 0x11, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}}};
const portal::TunnelAddresses kGatewayAddresses{
    {{100, 64, 0, 9}}, {{0xfd, 0, 0x20, 0x21, 0x11, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}}};
const ClientId kClient("0a1b2c3d-0000-4000-8000-000000000001");  // As long as real ones.
const GatewayId kGateway("0a1b2c3d-0000-4000-8000-000000000002");
constexpr uint16_t kPort = 443;

portal::RelayDescriptor relay_for(const std::string& who) {
  const snownet::stun::RelayUsername username{
      static_cast<uint64_t>(absl::ToUnixSeconds(kDate + absl::Hours(24))), who};
  const snownet::stun::RelayPassword password(username, snownet::relay::testing::kStampSecret);
  return {RelayId("relay"),
          kRelaySocket,
          std::nullopt,
          std::to_string(username.expires_at_unix_seconds) + ":" + who,
          SecretText(password.text()),
          kDate + absl::Hours(24)};
}

portal::IceCredentials ice(const char* name) {
  return {name, SecretText("passwordOf22Characters")};
}

Bytes segment(const SocketAddress& from, const SocketAddress& to) {
  return testing::tcp_packet(from, to, {}, Bytes(TunnelEnds::kPayloadBytes));
}

// What answers `packet`, which arrived at a server.
Bytes answer_to(std::span<uint8_t> packet) {
  auto parsed = IpPacket::parse(packet);
  const auto& arrived = std::get<IpPacket>(parsed);
  const uint16_t client_port = std::get<Protocol>(arrived.source_protocol()).value;
  return segment({arrived.destination(), kPort}, {arrived.source(), client_port});
}

Ipv4Address host_of(size_t resource) {
  return {{10, static_cast<uint8_t>(resource / 250), static_cast<uint8_t>(resource % 250), 1}};
}
std::string name_of(size_t resource) { return "host-" + std::to_string(resource) + ".example.com"; }
ResourceId id_of(size_t resource) {
  return ResourceId(fmt::format("0a1b2c3d-0000-4000-9000-{:012}", resource));
}
size_t resource_of(const ResourceId& id) { return std::stoul(id.value().substr(24)); }

// Wire is a network without delay between two ends and a relay. An end is served by Drain, which
// empties it of everything but datagrams.
template <typename Client, typename Gateway, typename Drain>
class Wire {
 public:
  Wire(Client& client, Gateway& gateway, Drain& drain)
      : client_(client), gateway_(gateway), drain_(drain) {}

  Timestamp now() const { return relay_.now; }

  void settle() {
    for (int round = 0; round < 64; ++round) {
      bool is_quiet = !drain_.drain(now());
      while (auto out = client_.poll_transmit()) {
        is_quiet = false;
        carry(kClientSocket, out->to, std::move(out->bytes));
      }
      while (auto out = gateway_.poll_transmit()) {
        is_quiet = false;
        carry(kGatewaySocket, out->to, std::move(out->bytes));
      }
      if (is_quiet) return;
    }
  }
  void run_for(Duration span) {
    for (const Timestamp end = now() + span; now() < end;) {
      relay_.advance(10ms);
      client_.handle_timeout(now());
      gateway_.handle_timeout(now());
      settle();
    }
  }
  void carry(const SocketAddress& from, const SocketAddress& to, Bytes bytes) {
    if (to == kRelaySocket) {
      const auto reply = relay_.receive(from, bytes);
      if (!reply) return;
      const auto answer = reply->response.bytes();
      carry(kRelaySocket, from, {answer.begin(), answer.end()});
    } else if (to == kClientSocket) {
      drain_.receive_down(now(), from, bytes);
    } else if (to == kGatewaySocket) {
      drain_.receive_up(now(), from, bytes);
    }
  }

 private:
  TestRelay relay_;
  Client& client_;
  Gateway& gateway_;
  Drain& drain_;
};

// --- Two nodes.

class BareNodes final : public TunnelEnds {
 public:
  BareNodes()
      : client_({}, kDate, client_random_, null_tracer(), kStart),
        gateway_({}, kDate, gateway_random_, null_tracer(), kStart),
        wire_(client_, gateway_, *this) {
    list_relay(client_, "client");
    list_relay(gateway_, "gateway");
    wire_.run_for(1s);
    const auto ours = *snownet::ice::Credentials::of("clie", "passwordOf22Characters");
    const auto theirs = *snownet::ice::Credentials::of("gate", "passwordOf22Characters");
    client_.upsert_connection(
        now(), kPeer, {.key = gateway_.public_key(), .psk = {}, .local = ours, .remote = theirs});
    gateway_.upsert_connection(now(), kPeer,
                               {.key = client_.public_key(),
                                .psk = {},
                                .local = theirs,
                                .remote = ours,
                                .role = snownet::ice::Role::kControlled});
    wire_.run_for(5s);
    CONNLIB_CHECK(client_.is_connected(kPeer) && gateway_.is_connected(kPeer));
    for (size_t flow = 0; flow < kFlows; ++flow) {
      up_.push_back(segment({kClientAddresses.ipv4, static_cast<uint16_t>(1024 + flow)},
                            {host_of(flow % kResources), kPort}));
      down_.push_back(answer_to(up_.back()));
    }
  }

  bool seal_up(std::span<uint8_t> packet, DatagramRun& run) override {
    return is_sealed(client_.encapsulate(now(), kPeer, packet, run));
  }
  bool seal_down(std::span<uint8_t> packet, DatagramRun& run) override {
    return is_sealed(gateway_.encapsulate(now(), kPeer, packet, run));
  }
  void open_up(std::span<uint8_t> datagrams, size_t segment_bytes, Deliver deliver) override {
    gateway_.handle_datagrams(
        now(), kGatewaySocket, kClientSocket, segment_bytes, datagrams,
        [&](const snownet::node::Delivered& delivered) { deliver(delivered.packet); });
  }
  void open_down(std::span<uint8_t> datagrams, size_t segment_bytes, Deliver deliver) override {
    client_.handle_datagrams(
        now(), kClientSocket, kGatewaySocket, segment_bytes, datagrams,
        [&](const snownet::node::Delivered& delivered) { deliver(delivered.packet); });
  }

  // For the wire.
  bool drain(Timestamp now) { return pass(now, client_, gateway_) || pass(now, gateway_, client_); }
  void receive_up(Timestamp now, const SocketAddress& from, Bytes& bytes) {
    static_cast<void>(gateway_.handle_datagram(now, kGatewaySocket, from, bytes));
  }
  void receive_down(Timestamp now, const SocketAddress& from, Bytes& bytes) {
    static_cast<void>(client_.handle_datagram(now, kClientSocket, from, bytes));
  }

 private:
  static constexpr snownet::node::PeerId kPeer{1};
  Timestamp now() const { return wire_.now(); }

  static bool is_sealed(const std::variant<Encapsulated, snownet::node::SendFailure>& outcome) {
    const auto* sealed = std::get_if<Encapsulated>(&outcome);
    return sealed != nullptr && *sealed == Encapsulated::kSealed;
  }
  static void list_relay(Node& node, const std::string& who) {
    const auto relay = relay_for(who);
    const std::vector<snownet::node::RelayListing> listed = {
        {relay.id,
         {relay.v4, relay.v6},
         relay.username,
         "firezone",
         std::string(relay.password.reveal())}};
    node.update_relays(kStart, {}, listed);
  }
  static bool pass(Timestamp now, Node& from, Node& to) {
    bool has_passed = false;
    while (const auto event = from.poll_event()) {
      has_passed = true;
      const auto* added = std::get_if<snownet::node::CandidateAdded>(&*event);
      if (added != nullptr) to.add_remote_candidate(now, kPeer, added->line);
    }
    return has_passed;
  }

  SeededRandom client_random_{1};
  SeededRandom gateway_random_{2};
  Node client_;
  Node gateway_;
  Wire<Node, Node, BareNodes> wire_;
};

// --- Both states.

class Tunnel final : public TunnelEnds {
 public:
  explicit Tunnel(bool has_names)
      : has_names_(has_names),
        client_({}, kDate, client_random_, null_tracer(), kStart),
        gateway_({}, kDate, gateway_random_, null_tracer(), kStart),
        wire_(client_, gateway_, *this) {
    portal::GatewayInit theirs;
    theirs.interface = kGatewayAddresses;
    theirs.relays.push_back(relay_for("gateway"));
    gateway_.handle_portal_message(now(), std::move(theirs));
    client_.handle_system_resolvers(now(), std::vector<IpAddress>{Ipv4Address{{192, 0, 2, 53}}});
    portal::ClientInit ours;
    ours.interface.addresses = kClientAddresses;
    ours.relays.push_back(relay_for("client"));
    for (size_t i = 0; i < kResources; ++i) ours.resources.push_back(resource(i));
    client_.handle_portal_message(now(), std::move(ours));
    wire_.run_for(1s);
    begin_flows();
  }

  bool seal_up(std::span<uint8_t> packet, DatagramRun& run) override {
    return client_.handle_tun_packet(now(), packet, run) == client::Fate::kSent;
  }
  bool seal_down(std::span<uint8_t> packet, DatagramRun& run) override {
    const auto outcome = gateway_.encapsulate(now(), packet, run);
    const auto* sealed = std::get_if<Encapsulated>(&outcome);
    return sealed != nullptr && *sealed == Encapsulated::kSealed;
  }
  void open_up(std::span<uint8_t> datagrams, size_t segment_bytes, Deliver deliver) override {
    gateway_.handle_datagrams(now(), kGatewaySocket, kClientSocket, segment_bytes, datagrams,
                              deliver);
  }
  void open_down(std::span<uint8_t> datagrams, size_t segment_bytes, Deliver deliver) override {
    client_.handle_datagrams(now(), kClientSocket, kGatewaySocket, segment_bytes, datagrams,
                             deliver);
  }

  // For the wire.
  bool drain(Timestamp now) {
    bool has_any = false;
    while (const auto event = client_.poll_event()) {
      has_any = true;
      hear(now, *event);
    }
    while (const auto event = gateway_.poll_event()) {
      has_any = true;
      hear(now, *event);
    }
    while (auto packet = client_.poll_packet()) answers_.push_back(std::move(*packet));
    return has_any;
  }
  void receive_up(Timestamp now, const SocketAddress& from, Bytes& bytes) {
    gateway_.handle_datagrams(
        now, kGatewaySocket, from, 0, bytes,
        [this](std::span<uint8_t> packet) { arrived_.assign(packet.begin(), packet.end()); });
  }
  void receive_down(Timestamp now, const SocketAddress& from, Bytes& bytes) {
    client_.handle_datagrams(now, kClientSocket, from, 0, bytes, [](std::span<uint8_t>) {});
  }

 private:
  Timestamp now() const { return wire_.now(); }

  portal::ClientResource resource(size_t i) const {
    Resource out{.id = id_of(i), .name = name_of(i)};
    out.filters = {{Filter::Protocol::kTcp, kPort, kPort}};
    out.sites = {{SiteId("site"), "Site"}};
    if (has_names_) {
      out.address = DnsAddress{name_of(i)};
    } else {
      out.address = CidrAddress{*IpPrefix::of(host_of(i), 24)};
    }
    return out;
  }

  // What both ends of the portal would say.
  void hear(Timestamp now, const client::ClientEvent& event) {
    if (const auto* config = std::get_if<client::TunConfig>(&event)) {
      if (!config->dns.empty()) sentinel_ = {config->dns[0].sentinel, 53};
    }
    const auto* message = std::get_if<portal::FromClient>(&event);
    if (message == nullptr) return;
    if (const auto* said = std::get_if<portal::GatewayCandidates>(message)) {
      gateway_.handle_portal_message(
          now, portal::ClientCandidates{said->change, kClient, said->candidates});
    } else if (const auto* request = std::get_if<portal::RequestAuthorization>(message)) {
      grant(now, request->resource_id);
    }
  }
  void hear(Timestamp now, const gateway::GatewayEvent& event) {
    if (const auto* resolve = std::get_if<gateway::ResolveName>(&event)) {
      const size_t i = std::stoul(resolve->domain.substr(5));
      const std::vector<IpAddress> addresses{host_of(i)};
      gateway_.handle_resolution(now, resolve->id, std::span<const IpAddress>(addresses));
    }
    const auto* said = std::get_if<gateway::ToPortal>(&event);
    if (said == nullptr) return;
    const auto* lines = std::get_if<portal::BroadcastCandidates>(&said->message);
    if (lines == nullptr) return;
    client_.handle_portal_message(
        now, portal::GatewayCandidates{lines->change, kGateway, lines->candidates});
  }
  void grant(Timestamp now, const ResourceId& id) {
    portal::CreateAuthorization to_gateway;
    to_gateway.ref = id.value();
    to_gateway.resource = std::get<Resource>(resource(resource_of(id)));
    to_gateway.client.id = kClient;
    to_gateway.client.public_key = client_.public_key();
    to_gateway.client.addresses = kClientAddresses;
    to_gateway.client_ice = ice("clie");
    to_gateway.gateway_ice = ice("gate");
    portal::AuthorizationCreated to_client{.resource_id = id,
                                           .gateway_id = kGateway,
                                           .site_id = SiteId("site"),
                                           .gateway_public_key = gateway_.public_key(),
                                           .gateway_addresses = kGatewayAddresses,
                                           .preshared_key = {},
                                           .client_ice = ice("clie"),
                                           .gateway_ice = ice("gate"),
                                           .use_iceless = false,
                                           .flow_logs_ingest_token = SecretText()};
    gateway_.handle_portal_message(now, std::move(to_gateway));
    client_.handle_portal_message(now, std::move(to_client));
  }

  IpAddress address_of(size_t i) {
    if (!has_names_) return host_of(i);
    Bytes query(512);
    dns::MessageBuilder builder(query, {.id = 7, .recursion_desired = true});
    builder.add_question({dns::Name::parse(name_of(i)).value(), dns::RecordType::kA});
    query.resize(builder.finish().value().size());
    answers_.clear();
    send(testing::udp_packet({kClientAddresses.ipv4, 41000}, sentinel_, query));
    CONNLIB_CHECK(answers_.size() == 1);
    auto parsed = IpPacket::parse(answers_[0]);
    const auto payload = std::get<IpPacket>(parsed).udp().value().payload();
    const auto message = dns::Message::parse(payload);
    for (const dns::Record record : message->records(dns::Section::kAnswer)) {
      if (const auto address = record.address()) return *address;
    }
    CONNLIB_CHECK(false);
    return {};
  }
  void send(Bytes packet) {
    run_.clear();
    const client::Fate fate = client_.handle_tun_packet(now(), packet, run_);
    if (fate == client::Fate::kSent) {
      wire_.carry(kClientSocket, run_.remote(), {run_.bytes().begin(), run_.bytes().end()});
    }
    wire_.settle();
  }

  void begin_flows() {
    std::vector<IpAddress> targets;
    for (size_t i = 0; i < kResources; ++i) targets.push_back(address_of(i));
    for (size_t flow = 0; flow < kFlows; ++flow) {
      up_.push_back(segment({kClientAddresses.ipv4, static_cast<uint16_t>(1024 + flow)},
                            {targets[flow % kResources], kPort}));
    }
    for (size_t i = 0; i < kResources; ++i) {  // Authorize, connect, translate.
      send(up_[i]);
      if (i % 50 == 0) wire_.run_for(200ms);
    }
    wire_.run_for(10s);
    for (const Bytes& packet : up_) {
      arrived_.clear();
      send(packet);
      CONNLIB_CHECK(!arrived_.empty());
      down_.push_back(answer_to(arrived_));
    }
  }

  bool has_names_;
  SeededRandom client_random_{1};
  SeededRandom gateway_random_{2};
  client::ClientState client_;
  gateway::GatewayState gateway_;
  SocketAddress sentinel_;
  std::vector<Bytes> answers_;  // To the client's applications.
  Bytes arrived_;               // Last, at the gateway's TUN.
  DatagramRun run_;
  Wire<client::ClientState, gateway::GatewayState, Tunnel> wire_;
};

}  // namespace

std::unique_ptr<TunnelEnds> bare_nodes() { return std::make_unique<BareNodes>(); }
std::unique_ptr<TunnelEnds> tunnel_to_networks() { return std::make_unique<Tunnel>(false); }
std::unique_ptr<TunnelEnds> tunnel_to_names() { return std::make_unique<Tunnel>(true); }

}  // namespace connlib::bench
