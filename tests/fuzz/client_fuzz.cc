// A client between a lying portal, a lying peer and applications that send anything. Whatever
// happens, nothing reaches the TUN that is not for this client, control packets least of all, and
// the client never wants to be woken for a moment that has passed.
#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "connlib/base/check.h"
#include "connlib/client/client_state.h"
#include "connlib/control/control_event.h"
#include "connlib/control/control_packet.h"
#include "snownet/relay/test_relay.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/packets.h"

namespace connlib::client {
namespace {

using Bytes = std::vector<uint8_t>;
using snownet::node::Node;
using snownet::node::PeerId;
using snownet::relay::testing::kDate;
using snownet::relay::testing::kStart;
using snownet::relay::testing::TestRelay;

const SocketAddress kUs = snownet::relay::testing::kAlice;
const SocketAddress kThem = snownet::relay::testing::kBob;
const SocketAddress kRelay{snownet::relay::testing::kPublic4, 3478};
const Ipv4Address kOurV4{{100, 64, 0, 7}};
constexpr PeerId kClient{1};

Ipv6Address v6(uint8_t last) {
  Ipv6Address out{{0xfd, 0, 0x20, 0x21, 0x11, 0x11}};
  out.bytes[15] = last;
  return out;
}
IpAddress any_address(fuzz::FuzzInput& in) {
  const uint8_t last = in.u8();
  switch (in.u8() % 7) {
    case 0:
      return kOurV4;
    case 1:
      return Ipv4Address{{100, 64, 0, static_cast<uint8_t>(100 + last % 4)}};
    case 2:
      return Ipv4Address{{100, 96, 0, static_cast<uint8_t>(last % 12)}};
    case 3:
      return Ipv4Address{{100, 100, 111, static_cast<uint8_t>(last % 4)}};
    case 4:
      return Ipv4Address{{10, 0, 0, last}};
    case 5:
      return Ipv4Address{{last, in.u8(), in.u8(), in.u8()}};
    default:
      return kOurV4;
  }
}
ResourceId any_resource(fuzz::FuzzInput& in) {
  return ResourceId("r" + std::to_string(in.u8() % 4));
}
std::string any_peer(fuzz::FuzzInput& in) { return "p" + std::to_string(in.u8() % 3); }
std::vector<Filter> any_filters(fuzz::FuzzInput& in) {
  std::vector<Filter> out;
  for (size_t i = in.u8() % 3; i > 0; --i) {
    out.push_back({static_cast<Filter::Protocol>(in.u8() % 3), in.u16(), in.u16()});
  }
  return out;
}
portal::ClientResource any_listed(fuzz::FuzzInput& in) {
  const ResourceId id = any_resource(in);
  Resource resource{.id = id, .name = "r", .filters = any_filters(in)};
  resource.sites = {{SiteId("s" + std::to_string(in.u8() % 2)), "S"}};
  switch (in.u8() % 5) {
    case 0:
      resource.address = CidrAddress{
          IpPrefix::of(any_address(in), static_cast<uint8_t>(in.u8() % 33)).value_or(IpPrefix())};
      return resource;
    case 1:
      resource.address =
          DnsAddress{in.u8() % 2 == 0 ? "*.example.com" : "**", static_cast<IpStack>(in.u8() % 3)};
      return resource;
    case 2:
      resource.address = InternetAddress{};
      return resource;
    case 3: {
      portal::StaticDevicePool pool{id, "pool", {}, any_filters(in)};
      for (size_t i = in.u8() % 3; i > 0; --i) {
        const auto last = static_cast<uint8_t>(100 + in.u8() % 4);
        pool.devices.push_back(
            {ClientId(any_peer(in)), {Ipv4Address{{100, 64, 0, last}}, v6(last)}});
      }
      return pool;
    }
    default:
      return portal::DynamicDevicePool{id, "dynamic", "*.dev.example.com"};
  }
}

class Story {
 public:
  Story()
      : us_random_(1),
        them_random_(2),
        client_({}, kDate, us_random_, null_tracer(), kStart),
        peer_({}, kDate, them_random_, null_tracer(), kStart) {
    portal::ClientInit init;
    init.interface.addresses = {kOurV4, v6(7)};
    init.interface.upstream_do53 = {{Ipv4Address{{10, 0, 0, 53}}, 53}};
    init.relays = relays("us");
    tell(std::move(init));
    const auto account = relays("them");
    const std::vector<snownet::node::RelayListing> listed = {
        {account[0].id,
         {account[0].v4, account[0].v6},
         account[0].username,
         "firezone",
         std::string(account[0].password.reveal())}};
    peer_.update_relays(relay_.now, {}, listed);
    for (int i = 0; i < 20; ++i) advance(100ms);
  }

  void step(fuzz::FuzzInput& in) {
    switch (in.u8() % 10) {
      case 0:
      case 1:
        from_tun(in);
        break;
      case 2:
        tell(any_message(in));
        break;
      case 3:
        grant(in);
        break;
      case 4:
      case 5:
        from_peer(in);
        break;
      case 6:
        advance(std::chrono::milliseconds(in.u16()));
        break;
      case 7:
        for (int i = 0; i < 10; ++i) advance(50ms);
        break;
      case 8:
        from_anywhere(in);
        break;
      default:
        from_shell(in);
    }
    pump();
  }

 private:
  static std::vector<portal::RelayDescriptor> relays(const std::string& salt) {
    const snownet::stun::RelayUsername username{
        static_cast<uint64_t>(absl::ToUnixSeconds(kDate + absl::Hours(24))), salt};
    const snownet::stun::RelayPassword password(username, snownet::relay::testing::kStampSecret);
    std::vector<portal::RelayDescriptor> out;
    out.push_back({RelayId("relay"), kRelay, std::nullopt,
                   std::to_string(username.expires_at_unix_seconds) + ":" + salt,
                   SecretText(password.text()), kDate + absl::Hours(24)});
    return out;
  }

  void tell(portal::ToClient message) {
    client_.handle_portal_message(relay_.now, std::move(message));
  }

  void from_tun(fuzz::FuzzInput& in) {
    Bytes packet;
    if (in.u8() % 4 == 0) {
      const auto bytes = in.take(in.u8() * size_t{6});
      packet.assign(bytes.begin(), bytes.end());
    } else {
      const IpAddress source = in.u8() % 8 == 0 ? any_address(in) : IpAddress(kOurV4);
      const IpAddress target = any_address(in);
      const auto port = static_cast<uint16_t>(in.u8() % 3 == 0 ? 53 : in.u16());
      const auto payload = in.take(in.u8());
      packet =
          testing::udp_packet({source, 40000}, {target, port}, {payload.begin(), payload.end()});
    }
    const Fate fate = client_.handle_tun_packet(relay_.now, packet, run_);
    CONNLIB_CHECK(fate < Fate::kCount);
    CONNLIB_CHECK((fate == Fate::kSent) == !run_.empty());
    if (!run_.empty()) to_network(kUs, run_.remote(), {run_.bytes().begin(), run_.bytes().end()});
    run_.clear();
  }

  portal::ToClient any_message(fuzz::FuzzInput& in) {
    switch (in.u8() % 11) {
      case 0:
        return portal::ResourceUpserted{any_listed(in)};
      case 1:
        return portal::ResourceDeleted{any_resource(in)};
      case 2: {
        portal::ClientInit init;
        init.interface.addresses = {kOurV4, v6(7)};
        for (size_t i = in.u8() % 4; i > 0; --i) init.resources.push_back(any_listed(in));
        init.relays = relays("us");
        return init;
      }
      case 3:
        return portal::AuthorizationFailed{
            any_resource(in), static_cast<portal::FailureReason::Code>(in.u8() % 9), {}};
      case 4:
        return portal::DeviceAccessDenied{portal::FailureReason::Code::kForbidden, std::nullopt,
                                          Ipv4Address{{100, 64, 0, in.u8()}}, v6(in.u8())};
      case 5:
        return portal::ClientCandidateError{ClientId(any_peer(in)),
                                            portal::FailureReason::Code::kOffline};
      case 6:
        return portal::ResourceFiltersUpdated{any_resource(in), any_filters(in)};
      case 7:
        return portal::RejectAccess{ClientId(any_peer(in)), any_resource(in)};
      case 8:
        return portal::DeviceDomainResolved{
            any_resource(in), "a.dev.example.com", {Ipv4Address{{100, 64, 0, in.u8()}}, v6(1)}};
      case 9:
        return portal::ResourceUpserted{any_listed(in)};
      default: {
        const auto line = portal::CandidateLine::parse("candidate:1 1 udp 2130706431 198.41.0." +
                                                       std::to_string(in.u8()) + " 52625 typ host");
        return portal::GatewayCandidates{
            portal::CandidateChange::kAdded, GatewayId(any_peer(in)), {*line}};
      }
    }
  }

  // The peer is a gateway or a client, under a name and addresses that may change every time.
  void grant(fuzz::FuzzInput& in) {
    const auto credentials = [](const char* text) {
      return *snownet::ice::Credentials::of(text, "passwordOf22Characters");
    };
    static_cast<void>(peer_.upsert_connection(relay_.now, kClient,
                                              {.key = client_.public_key(),
                                               .psk = {},
                                               .local = credentials("them"),
                                               .remote = credentials("usus"),
                                               .role = snownet::ice::Role::kControlled}));
    const auto last = static_cast<uint8_t>(100 + in.u8() % 4);
    const portal::TunnelAddresses addresses{Ipv4Address{{100, 64, 0, last}}, v6(last)};
    PublicKey key = peer_.public_key();
    if (in.u8() % 8 == 0) key.bytes[3] = in.u8();
    name_ = any_peer(in);
    is_gateway_ = in.u8() % 3 != 0;
    if (is_gateway_) {
      tell(portal::AuthorizationCreated{
          .resource_id = any_resource(in),
          .gateway_id = GatewayId(name_),
          .site_id = SiteId("s0"),
          .gateway_public_key = key,
          .gateway_addresses = addresses,
          .preshared_key = {},
          .client_ice = {"usus", SecretText("passwordOf22Characters")},
          .gateway_ice = {"them", SecretText("passwordOf22Characters")},
          .use_iceless = false,
          .flow_logs_ingest_token = SecretText()});
      return;
    }
    std::optional<portal::DeviceAccessAuthorized::Inbound> inbound;
    if (in.u8() % 2 == 0) {
      inbound = {any_resource(in), any_filters(in), kDate + absl::Seconds(in.u8())};
    }
    tell(
        portal::DeviceAccessAuthorized{.client_id = ClientId(name_),
                                       .client_name = "device",
                                       .client_public_key = key,
                                       .client_addresses = addresses,
                                       .preshared_key = {},
                                       .local_ice = {"usus", SecretText("passwordOf22Characters")},
                                       .remote_ice = {"them", SecretText("passwordOf22Characters")},
                                       .ice_role = portal::IceRole::kControlling,
                                       .use_iceless = false,
                                       .inbound = std::move(inbound),
                                       .flow_logs_ingest_token = SecretText()});
  }

  void from_peer(fuzz::FuzzInput& in) {
    Bytes packet;
    switch (in.u8() % 4) {
      case 0: {
        const auto bytes = in.take(in.u8() * size_t{5});
        packet.assign(bytes.begin(), bytes.end());
        break;
      }
      case 1: {
        packet.resize(control::kControlOverheadBytes + 128);
        const auto payload = in.take(in.u8() % 128);
        const auto written = control::write_control_packet(in.u8() % 4, payload, packet);
        packet.resize(written.size());
        break;
      }
      case 2: {
        const auto status = control::encode_control_event(
            control::DomainStatus{any_resource(in), "a.example.com",
                                  static_cast<control::DomainStatus::Status>(in.u8() % 2)});
        packet = status.value_or(Bytes());
        break;
      }
      default: {
        const IpAddress source = any_address(in);
        const IpAddress target = in.u8() % 4 == 0 ? any_address(in) : IpAddress(kOurV4);
        packet = testing::udp_packet({source, in.u16()}, {target, 40000}, {1, 2, 3});
      }
    }
    const auto opened = peer_.open_run(relay_.now, kClient);
    const auto* route = std::get_if<snownet::node::OutboundRoute>(&opened);
    if (route == nullptr || packet.empty() || packet.size() > 1280) return;
    Bytes datagram(peer_.datagram_bytes(*route, packet.size()));
    std::copy(packet.begin(), packet.end(),
              datagram.begin() + static_cast<std::ptrdiff_t>(route->packet_offset()));
    if (peer_.seal(relay_.now, *route, datagram, packet.size())) {
      to_network(kThem, route->remote(), std::move(datagram));
    }
  }

  void from_anywhere(fuzz::FuzzInput& in) {
    const std::array<SocketAddress, 3> sources = {kThem, kRelay, kUs};
    const size_t segment = in.u8();
    const SocketAddress& source = sources[in.below(3)];
    const auto bytes = in.take(in.u8() * size_t{4});
    Bytes datagram(bytes.begin(), bytes.end());
    receive(source, segment, datagram);
  }

  void from_shell(fuzz::FuzzInput& in) {
    const Timestamp now = relay_.now;
    switch (in.u8() % 6) {
      case 0:
        client_.want_internet(now, in.u8() % 2 == 0);
        break;
      case 1:
        client_.handle_portal_disconnected(now);
        break;
      case 2:
        client_.handle_portal_connected(now);
        break;
      case 3:
        client_.handle_system_resolvers(now, std::vector<IpAddress>{any_address(in)});
        break;
      case 4: {
        const auto bytes = in.take(in.u8());
        client_.handle_dns_result(now, {dns::QueryId(in.u8()), Bytes(bytes.begin(), bytes.end())});
        break;
      }
      default:
        if (in.u8() % 8 == 0) client_.reset(now);
    }
  }

  void receive(const SocketAddress& from, size_t segment, Bytes& datagram) {
    client_.handle_datagrams(relay_.now, kUs, from, segment, datagram,
                             [](std::span<uint8_t> packet) { check_delivered(packet); });
  }
  static void check_delivered(std::span<uint8_t> bytes) {
    CONNLIB_CHECK(!control::is_control_traffic(bytes));
    auto parsed = IpPacket::parse(bytes);
    const auto* packet = std::get_if<IpPacket>(&parsed);
    CONNLIB_CHECK(packet != nullptr);
    CONNLIB_CHECK(packet->destination() == IpAddress(kOurV4) ||
                  packet->destination() == IpAddress(v6(7)));
  }

  void to_network(const SocketAddress& from, const SocketAddress& to, Bytes datagram) {
    if (to == kRelay) {
      if (const auto reply = relay_.receive(from, datagram)) {
        const auto answer = reply->response.bytes();
        to_network(kRelay, from, {answer.begin(), answer.end()});
      }
    } else if (to == kUs) {
      receive(from, 0, datagram);
    } else if (to == kThem) {
      static_cast<void>(peer_.handle_datagram(relay_.now, kThem, from, datagram));
    }
  }

  void advance(Duration by) {
    relay_.advance(by);
    // Answers come at the same instant here, and may want to be acted upon at once.
    for (int round = 0; round < 8; ++round) {
      client_.handle_timeout(relay_.now);
      peer_.handle_timeout(relay_.now);
      pump();
      if (client_.poll_timeout().at > relay_.now) return;
    }
    CONNLIB_CHECK(client_.poll_timeout().at > relay_.now);
  }

  // Drains everybody until nobody has anything to say.
  void pump() {
    for (int round = 0; round < 64; ++round) {
      bool is_quiet = true;
      while (auto out = client_.poll_transmit()) {
        is_quiet = false;
        to_network(kUs, out->to, std::move(out->bytes));
      }
      while (auto out = peer_.poll_transmit()) {
        is_quiet = false;
        to_network(kThem, out->to, std::move(out->bytes));
      }
      while (auto event = client_.poll_event()) hear(*event);
      while (auto event = peer_.poll_event()) hear(*event);
      while (client_.poll_dns_query()) {
      }
      while (auto packet = client_.poll_packet()) check_delivered(*packet);
      if (is_quiet) return;
    }
  }
  void hear(const ClientEvent& event) {
    const auto* message = std::get_if<portal::FromClient>(&event);
    if (message == nullptr) return;
    const std::vector<portal::CandidateLine>* lines = nullptr;
    if (const auto* to = std::get_if<portal::GatewayCandidates>(message)) lines = &to->candidates;
    if (const auto* to = std::get_if<portal::ClientCandidates>(message)) lines = &to->candidates;
    if (lines == nullptr) return;
    for (const auto& line : *lines) peer_.add_remote_candidate(relay_.now, kClient, line.text());
  }
  void hear(const snownet::node::NodeEvent& event) {
    const auto* added = std::get_if<snownet::node::CandidateAdded>(&event);
    const auto line = added ? portal::CandidateLine::parse(added->line) : std::nullopt;
    if (!line) return;
    if (is_gateway_) {
      tell(portal::GatewayCandidates{portal::CandidateChange::kAdded, GatewayId(name_), {*line}});
    } else {
      tell(portal::ClientCandidates{portal::CandidateChange::kAdded, ClientId(name_), {*line}});
    }
  }

  TestRelay relay_;
  SeededRandom us_random_;
  SeededRandom them_random_;
  ClientState client_;
  Node peer_;
  DatagramRun run_;
  std::string name_ = "p0";  // Of the peer, at present.
  bool is_gateway_ = true;
};

}  // namespace
}  // namespace connlib::client

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  connlib::fuzz::FuzzInput in(std::span(data, size));
  connlib::client::Story story;
  while (!in.empty()) story.step(in);
  return 0;
}
