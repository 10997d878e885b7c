// Names: a stub resolver in the client, proxies that stand for addresses, gateways that resolve.
#include <algorithm>
#include <optional>

#include <catch2/catch.hpp>

#include "connlib/control/control_event.h"
#include "connlib/dns/message.h"
#include "connlib/dns/message_builder.h"
#include "connlib/packet/ip_packet.h"
#include "tests/tunnel/packets.h"

namespace connlib::tunnel {
namespace {

using client::Fate;
using dns::RecordType;

const ResourceId kWiki("wiki");
const IpAddress kServer = Ipv4Address{{192, 0, 2, 53}};

Resource dns_resource(const char* id, const char* pattern, IpStack stack = IpStack::kDual,
                      const char* site = "site0") {
  return resource(id, DnsAddress{pattern, stack}, {}, site);
}

Bytes query(const char* name, RecordType type, uint16_t id = 77) {
  Bytes out(512);
  dns::MessageBuilder builder(out, {.id = id, .recursion_desired = true});
  builder.add_question({dns::Name::parse(name).value(), type});
  out.resize(builder.finish().value().size());
  return out;
}

struct Names : Setting {
  explicit Names(std::vector<portal::ClientResource> resources, size_t gateways = 1)
      : Setting(7, gateways) {
    act([](client::ClientState& state, Timestamp now) {
      state.handle_system_resolvers(now, std::vector<IpAddress>{kServer});
    });
    init(std::move(resources));
    client->received.clear();
  }

  SocketAddress sentinel() const { return {client->tun_config->dns.at(0).sentinel, 53}; }

  // ask() is an application's query, answered at once or not at all.
  std::optional<Bytes> ask(const char* name, RecordType type) {
    client->received.clear();
    send(testing::udp_packet(testing::endpoint("100.64.0.7:41000"), sentinel(), query(name, type)));
    if (client->received.empty()) return std::nullopt;
    auto parsed = IpPacket::parse(client->received[0]);
    const auto payload = std::get<IpPacket>(parsed).udp().value().payload();
    Bytes out(payload.begin(), payload.end());
    client->received.clear();
    return out;
  }
  std::vector<IpAddress> addresses_of(const char* name, RecordType type = RecordType::kA) {
    std::vector<IpAddress> out;
    const auto answer = ask(name, type);
    if (!answer) return out;
    const auto message = dns::Message::parse(*answer);
    for (const auto record : message.value().records(dns::Section::kAnswer)) {
      if (const auto address = record.address()) out.push_back(*address);
    }
    return out;
  }

  // The AssignedIps that a gateway got so far.
  std::vector<control::AssignedIps> assigned(size_t i = 0) {
    std::vector<control::AssignedIps> out;
    for (const Bytes& packet : gateway(i).received) {
      const auto event = control::decode_control_event(packet);
      if (const auto* control = std::get_if<control::ControlEvent>(&event)) {
        if (const auto* ips = std::get_if<control::AssignedIps>(control)) out.push_back(*ips);
      }
    }
    return out;
  }
  void status(const char* name, control::DomainStatus::Status status, size_t i = 0) {
    gateway_sends(*control::encode_control_event(control::DomainStatus{kWiki, name, status}), i);
  }
  bool has_received(const Bytes& packet, size_t i = 0) {
    const auto& got = gateway(i).received;
    return std::find(got.begin(), got.end(), packet) != got.end();
  }
};
constexpr auto kActive = control::DomainStatus::Status::kActive;
constexpr auto kInactive = control::DomainStatus::Status::kInactive;

Bytes packet_to(const IpAddress& proxy, uint8_t number = 1) {
  return testing::udp_packet(testing::endpoint("100.64.0.7:40000"), {proxy, 443}, {number});
}

TEST_CASE("the operating system is given a sentinel, not the server") {
  Names s({});
  REQUIRE(s.client->tun_config->dns.size() == 1);
  CHECK(s.client->tun_config->dns[0].sentinel == testing::address("100.100.111.1"));
  CHECK(s.client->tun_config->dns[0].upstream == "192.0.2.53");
}

TEST_CASE("a name of a resource is answered at once, with four addresses and no traffic") {
  Names s({dns_resource("wiki", "*.example.com")});
  const auto first = s.addresses_of("wiki.example.com");
  CHECK(first.size() == 4);
  CHECK(s.addresses_of("WIKI.example.com") == first);
  CHECK(s.addresses_of("wiki.example.com", RecordType::kAaaa).size() == 4);
  CHECK(s.requests() == 0);
}

TEST_CASE("other names go to the server outside, and its answer to the application") {
  Names s({dns_resource("wiki", "*.example.com")});
  CHECK_FALSE(s.ask("example.org", RecordType::kA));
  REQUIRE(s.client->dns_queries.size() == 1);
  const dns::Resolver::OutsideQuery* asked = &s.client->dns_queries[0];
  const bool is_server = asked->upstream == dns::Upstream(dns::Do53Server{kServer});
  CHECK(is_server);
  Bytes answer(512);
  const auto question = dns::Message::parse(asked->message).value();
  dns::MessageBuilder builder(
      answer, dns::Header::answer_to(question.header(), dns::ResponseCode::kNoError));
  builder.add_question(*question.question())
      .add_address(question.question()->name, Ipv4Address{{198, 51, 100, 1}}, 60);
  answer.resize(builder.finish().value().size());
  s.act([&](client::ClientState& state, Timestamp now) {
    state.handle_dns_result(now, {asked->id, answer});
  });
  REQUIRE(s.client->received.size() == 1);
  CHECK(s.addresses_of("example.org") ==
        std::vector<IpAddress>{testing::address("198.51.100.1")});  // From the cache.
}

TEST_CASE("a packet to a name waits for the gateway to resolve it, then goes") {
  Names s({dns_resource("wiki", "*.example.com")});
  const auto proxies = s.addresses_of("wiki.example.com");
  CHECK(s.send(packet_to(proxies[0])) == Fate::kWaiting);
  REQUIRE(s.world.run_until([&] { return !s.assigned().empty(); }, 10s));
  CHECK(s.assigned()[0].resource == kWiki);
  CHECK(s.assigned()[0].domain == "wiki.example.com");
  CHECK(s.assigned()[0].proxy_ips.size() == 8);
  s.world.run_for(500ms);
  CHECK_FALSE(s.has_received(packet_to(proxies[0])));

  s.status("wiki.example.com", kActive);
  CHECK(s.has_received(packet_to(proxies[0])));
  CHECK(s.send(packet_to(proxies[1])) == Fate::kSent);
  s.gateway_sends(
      testing::udp_packet({proxies[0], 443}, testing::endpoint("100.64.0.7:40000"), {}));
  CHECK(s.client->received.size() == 1);
}

// Lesson 3f4e004a48: failed names were asked for with every packet.
TEST_CASE("a name that the gateway cannot resolve drops what waits and is left alone") {
  Names s({dns_resource("wiki", "*.example.com")});
  const auto proxies = s.addresses_of("wiki.example.com");
  s.send(packet_to(proxies[0]));
  REQUIRE(s.world.run_until([&] { return !s.assigned().empty(); }, 10s));
  s.status("wiki.example.com", kInactive);
  const size_t before = s.assigned().size();
  for (uint8_t i = 0; i < 10; ++i) {
    s.send(packet_to(proxies[0], i));
    s.world.run_for(1s);
  }
  CHECK(s.assigned().size() == before);
  s.addresses_of("wiki.example.com");  // A query asks again.
  s.world.run_for(1s);
  CHECK(s.assigned().size() == before + 1);
}

// Lessons 6dc5f85cc5, 41d89f4c12: a new query paused running traffic.
TEST_CASE("a name that works goes on working while it is resolved again") {
  Names s({dns_resource("wiki", "*.example.com")});
  const auto proxies = s.addresses_of("wiki.example.com");
  s.send(packet_to(proxies[0]));
  REQUIRE(s.world.run_until([&] { return !s.assigned().empty(); }, 10s));
  s.status("wiki.example.com", kActive);
  s.world.run_for(5s);
  s.addresses_of("wiki.example.com");
  CHECK(s.send(packet_to(proxies[0], 2)) == Fate::kSent);
  s.world.run_for(1s);
  CHECK(s.assigned().size() == 2);
}

// Lesson 9b5ce49911.
TEST_CASE("a single stack is announced as four addresses") {
  Names s({dns_resource("wiki", "wiki.example.com", IpStack::kIpv4Only)});
  CHECK(s.addresses_of("wiki.example.com", RecordType::kAaaa).empty());
  s.send(packet_to(s.addresses_of("wiki.example.com").at(0)));
  REQUIRE(s.world.run_until([&] { return !s.assigned().empty(); }, 10s));
  CHECK(s.assigned()[0].proxy_ips.size() == 4);
}

// Lessons 12fc05dbbc, e51d83607f.
TEST_CASE("the addresses of a removed resource lead nowhere, and back when it returns") {
  Names s({dns_resource("wiki", "*.example.com")});
  const auto proxies = s.addresses_of("wiki.example.com");
  s.tell(portal::ResourceDeleted{kWiki});
  CHECK(s.send(packet_to(proxies[0])) == Fate::kUnknownResource);
  s.tell(portal::ResourceUpserted{dns_resource("wiki", "*.example.com")});
  CHECK(s.send(packet_to(proxies[0])) == Fate::kWaiting);
  CHECK(s.addresses_of("wiki.example.com") == proxies);
}

TEST_CASE("a goodbye makes names start over at whoever serves them next") {
  Names s({dns_resource("wiki", "*.example.com")}, 2);
  const auto proxies = s.addresses_of("wiki.example.com");
  s.send(packet_to(proxies[0]));
  REQUIRE(s.world.run_until([&] { return !s.assigned().empty(); }, 10s));
  s.status("wiki.example.com", kActive);
  s.gateway_sends(*control::encode_control_event(control::Goodbye{}));
  s.is_answering = false;
  CHECK(s.send(packet_to(proxies[0], 2)) == Fate::kWaiting);
  s.authorize(kWiki, 1);
  REQUIRE(s.world.run_until([&] { return !s.assigned(1).empty(); }, 10s));
  s.status("wiki.example.com", kActive, 1);
  CHECK(s.has_received(packet_to(proxies[0], 2), 1));
}

TEST_CASE("a TXT query for a resource goes to the DNS server of its gateway") {
  Names s({dns_resource("wiki", "*.example.com")});
  CHECK_FALSE(s.ask("wiki.example.com", RecordType::kTxt));
  REQUIRE(s.requests() == 1);
  std::optional<IpPacket> asked;
  REQUIRE(s.world.run_until(
      [&] {
        for (Bytes& packet : s.gateway().received) {
          auto parsed = IpPacket::parse(packet);
          auto* ip = std::get_if<IpPacket>(&parsed);
          if (ip != nullptr && ip->udp() && ip->udp()->destination_port() == 53535) asked = *ip;
        }
        return asked.has_value();
      },
      10s));
  CHECK(asked->destination() == testing::address("100.64.0.100"));
  const auto udp = asked->udp().value();
  Bytes answer(udp.payload().begin(), udp.payload().end());
  answer[2] |= 0x80;
  s.client->received.clear();
  s.gateway_sends(testing::udp_packet({asked->destination(), 53535},
                                      {asked->source(), udp.source_port()}, answer));
  REQUIRE(s.client->received.size() == 1);
  auto parsed = IpPacket::parse(s.client->received[0]);
  auto& reply = std::get<IpPacket>(parsed);
  CHECK(SocketAddress{reply.source(), reply.udp()->source_port()} == s.sentinel());
  CHECK(reply.udp()->destination_port() == 41000);
}

TEST_CASE("a gateway may not speak for a name before it was told of it") {
  Names s({dns_resource("wiki", "*.example.com"), cidr("lab", "172.20.0.0/16")});
  const auto proxies = s.addresses_of("wiki.example.com");
  s.send(to("172.20.1.1:53"));
  REQUIRE(s.run_until_received(0, to("172.20.1.1:53")));
  s.gateway_sends(
      testing::udp_packet({proxies[0], 443}, testing::endpoint("100.64.0.7:40000"), {}));
  CHECK(s.client->received.empty());
}

}  // namespace
}  // namespace connlib::tunnel
