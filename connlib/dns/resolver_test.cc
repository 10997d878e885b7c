#include "connlib/dns/resolver.h"

#include <array>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/dns/message_builder.h"
#include "connlib/dns/recursion.h"
#include "connlib/dns/tcp/framing.h"
#include "tests/support/packets.h"
#include "tests/support/start_time.h"

namespace connlib::dns {
namespace {

using connlib::testing::address;
using connlib::testing::endpoint;
using connlib::testing::kStart;
using connlib::testing::udp_packet;
using Bytes = std::vector<uint8_t>;

const SocketAddress kApp = endpoint("100.64.0.7:40000");
const Ipv4Address kOurV4{{100, 64, 0, 7}};
const Ipv6Address kOurV6{{0xfd, 0, 0x20, 0x21, 0x11, 0x11}};
const Ipv4Address kGatewayV4{{100, 64, 0, 99}};
const ResourceId kWiki{"wiki"};

Bytes build(const Header& header, const std::string& name, RecordType type, auto add) {
  Bytes buffer(4096);
  MessageBuilder builder(buffer, header);
  builder.add_question({*Name::parse(name), type});
  add(builder);
  const auto message = builder.finish();
  REQUIRE(message.has_value());
  return {message->begin(), message->end()};
}
Bytes query(const std::string& name, RecordType type = RecordType::kA, uint16_t id = 0x1111) {
  return build({.id = id, .recursion_desired = true}, name, type, [](MessageBuilder&) {});
}
// A response with `records` TXT records of 200 bytes, or one A record.
Bytes response(const std::string& name, RecordType type, uint16_t id, int records = 0) {
  return build({.id = id, .is_response = true}, name, type, [&](MessageBuilder& b) {
    for (int i = 0; i < records; ++i) {
      b.add(Section::kAnswer, *Name::parse(name), {RecordType::kTxt, 60}, Bytes(200, 'x'));
    }
    if (records == 0) b.add_address(*Name::parse(name), address("192.0.2.1"), 60);
  });
}

struct Lab {
  Lab() {
    resolver.set_tunnel_addresses(now, kOurV4, kOurV6);
    resolver.set_system_servers(std::vector<IpAddress>{address("192.168.0.1")});
    REQUIRE(resolver.add_resource(kWiki, "*.wiki.example", IpStack::kDual));
  }
  SocketAddress sentinel() const { return {resolver.sentinels().mappings().front().sentinel, 53}; }

  // The answer that comes at once, if any.
  std::optional<Bytes> ask(const Bytes& message, std::optional<SocketAddress> to = {}) {
    auto bytes = udp_packet(kApp, to.value_or(sentinel()), message);
    auto parsed = IpPacket::parse(bytes);
    std::array<uint8_t, IpPacket::kMaxBytes> out{};
    const auto outcome = resolver.handle_tun_packet(now, std::get<IpPacket>(parsed), out);
    CHECK_FALSE(std::holds_alternative<Resolver::NotDns>(outcome));
    const auto* reply = std::get_if<Resolver::Reply>(&outcome);
    if (reply == nullptr) return std::nullopt;
    return answer_of({reply->packet.begin(), reply->packet.end()}, to.value_or(sentinel()));
  }
  // The answer that came later, if any.
  std::optional<Bytes> later() {
    std::array<uint8_t, IpPacket::kMaxBytes> out{};
    const auto packet = resolver.poll_packet(now, out);
    if (packet.empty()) return std::nullopt;
    return answer_of({packet.begin(), packet.end()}, sentinel());
  }
  Bytes answer_of(Bytes packet, const SocketAddress& from) {
    REQUIRE(connlib::testing::has_right_checksums(packet));
    auto parsed = IpPacket::parse(packet);
    const auto& view = std::get<IpPacket>(parsed);
    CHECK(view.source() == from.ip);
    CHECK(view.udp()->source_port() == 53);
    CHECK(view.destination() == kApp.ip);
    CHECK(view.udp()->destination_port() == kApp.port);
    const auto payload = view.udp()->payload();
    return {payload.begin(), payload.end()};
  }
  // A packet that left for the tunnel, and the reply of whoever got it.
  SocketAddress sent_into_tunnel(const SocketAddress& to) {
    std::array<uint8_t, IpPacket::kMaxBytes> out{};
    const auto packet = resolver.poll_tunnel_packet(now, out);
    REQUIRE_FALSE(packet.empty());
    auto parsed = IpPacket::parse(packet);
    const auto& view = std::get<IpPacket>(parsed);
    CHECK(SocketAddress{view.destination(), view.udp()->destination_port()} == to);
    return {view.source(), view.udp()->source_port()};
  }
  bool deliver_from_tunnel(Bytes packet) {
    auto parsed = IpPacket::parse(packet);
    return resolver.handle_tunnel_packet(now, std::get<IpPacket>(parsed));
  }

  SeededRandom random{1};
  Timestamp now = kStart;
  Resolver resolver{random};
};

ResponseCode code(const Bytes& message) { return Message::parse(message)->header().code; }
size_t answers(const Bytes& message) {
  return Message::parse(message)->records(Section::kAnswer).size();
}

TEST_CASE("a resource is answered at once, and its name is reported every time") {
  Lab lab;
  const auto answer = lab.ask(query("a.wiki.example"));
  REQUIRE(answer.has_value());
  CHECK(answers(*answer) == 4);
  CHECK(Message::parse(*answer)->id() == 0x1111);
  const auto first = lab.resolver.poll_answered_name();
  REQUIRE(first.has_value());
  CHECK(first->has_changed);
  CHECK(lab.resolver.resources().assignments().all()[first->assignment].name() ==
        *Name::parse("a.wiki.example"));
  lab.ask(query("a.wiki.example", RecordType::kAaaa));
  CHECK_FALSE(lab.resolver.poll_answered_name()->has_changed);
  CHECK_FALSE(lab.resolver.poll_answered_name().has_value());
  CHECK_FALSE(lab.resolver.poll_outside_query().has_value());
}

TEST_CASE("other names go to the upstream server of the sentinel, and come back") {
  Lab lab;
  CHECK_FALSE(lab.ask(query("example.org")).has_value());
  const auto outside = lab.resolver.poll_outside_query();
  REQUIRE(outside.has_value());
  CHECK(outside->upstream == Upstream(Do53Server{address("192.168.0.1")}));
  CHECK(outside->message == query("example.org"));
  lab.resolver.handle_result(lab.now,
                             {outside->id, response("example.org", RecordType::kA, 0x1111)});
  const auto answer = lab.later();
  REQUIRE(answer.has_value());
  CHECK(answers(*answer) == 1);
  // From now on out of the cache.
  const auto again = lab.ask(query("Example.org", RecordType::kA, 5));
  REQUIRE(again.has_value());
  CHECK(Message::parse(*again)->id() == 5);
}

TEST_CASE("equal ids of several applications and servers are answered each") {
  Lab lab;
  lab.resolver.set_system_servers(
      std::vector<IpAddress>{address("192.168.0.1"), address("192.168.0.2")});
  const auto& mappings = lab.resolver.sentinels().mappings();
  lab.ask(query("a.example.org"), SocketAddress{mappings[0].sentinel, 53});
  lab.ask(query("b.example.org"), SocketAddress{mappings[1].sentinel, 53});
  lab.ask(query("a.example.org"), SocketAddress{mappings[0].sentinel, 53});
  std::vector<Resolver::OutsideQuery> asked;
  while (auto q = lab.resolver.poll_outside_query()) asked.push_back(*q);
  REQUIRE(asked.size() == 3);
  CHECK(asked[0].upstream != asked[1].upstream);
  for (const auto& q : asked) {
    const auto name = to_text(Message::parse(q.message)->question()->name);
    lab.resolver.handle_result(lab.now, {q.id, response(name, RecordType::kA, 0x1111)});
  }
  size_t packets = 0;
  std::array<uint8_t, IpPacket::kMaxBytes> out{};
  while (!lab.resolver.poll_packet(lab.now, out).empty()) ++packets;
  CHECK(packets == 3);
}

TEST_CASE("a DoH answer has id 0 and reaches the application with its own") {
  Lab lab;
  lab.resolver.set_portal_servers({}, std::vector<std::string>{"https://dns.google/dns-query"});
  lab.ask(query("example.org", RecordType::kA, 0xbeef));
  const auto outside = lab.resolver.poll_outside_query();
  CHECK(std::holds_alternative<DohServer>(outside->upstream));
  lab.resolver.handle_result(lab.now, {outside->id, response("example.org", RecordType::kA, 0)});
  CHECK(Message::parse(*lab.later())->id() == 0xbeef);
}

TEST_CASE("failures are SERVFAIL, but for the timeout of UDP, which is silence") {
  const auto [failure, expect] =
      GENERATE(table<QueryFailure, bool>({{QueryFailure::kTimedOut, false},
                                          {QueryFailure::kUnreachable, true},
                                          {QueryFailure::kReset, true}}));
  Lab lab;
  lab.ask(query("example.org"));
  lab.resolver.handle_result(lab.now, {lab.resolver.poll_outside_query()->id, failure});
  const auto answer = lab.later();
  REQUIRE(answer.has_value() == expect);
  if (expect) CHECK(code(*answer) == ResponseCode::kServerFailure);
}

TEST_CASE("a response about something else, or garbage, is SERVFAIL and not remembered") {
  const auto bytes = GENERATE(values<Bytes>({response("example.com", RecordType::kA, 0x1111),
                                             response("example.org", RecordType::kTxt, 0x1111),
                                             query("example.org"), Bytes{1, 2, 3}}));
  Lab lab;
  lab.ask(query("example.org"));
  lab.resolver.handle_result(lab.now, {lab.resolver.poll_outside_query()->id, bytes});
  CHECK(code(*lab.later()) == ResponseCode::kServerFailure);
  CHECK_FALSE(lab.ask(query("example.org")).has_value());
}

TEST_CASE("an answer larger than a packet is cut with TC, so that the asker comes over TCP") {
  Lab lab;
  const auto edns = build({.id = 0x1111}, "big.example", RecordType::kTxt,
                          [](MessageBuilder& b) { b.add_edns({.udp_payload_bytes = 4096}); });
  const int records = GENERATE(5, 10);  // Of 200 bytes.
  lab.ask(edns);
  lab.resolver.handle_result(lab.now, {lab.resolver.poll_outside_query()->id,
                                       response("big.example", RecordType::kTxt, 9, records)});
  const auto answer = lab.later();
  REQUIRE(answer.has_value());
  CHECK(Message::parse(*answer)->header().is_truncated == (records == 10));
  CHECK(answers(*answer) == (records == 10 ? 0 : 5));
  CHECK(answer->size() <= 1212);
}

TEST_CASE("TXT and SRV wait for the site: there the gateway's DNS server is asked") {
  Lab lab;
  CHECK_FALSE(lab.ask(query("a.wiki.example", RecordType::kTxt)).has_value());
  const auto site = lab.resolver.poll_site_query();
  REQUIRE(site.has_value());
  CHECK(site->resource == kWiki);
  lab.resolver.forward_to_gateway(lab.now, site->id, kGatewayV4, kOurV6);
  const SocketAddress gateway{kGatewayV4, 53535};
  const auto from = lab.sent_into_tunnel(gateway);
  CHECK(from.ip == IpAddress(kOurV4));
  CHECK(lab.deliver_from_tunnel(
      udp_packet(gateway, from, response("a.wiki.example", RecordType::kTxt, 0x1111, 1))));
  const auto answer = lab.later();
  REQUIRE(answer.has_value());
  CHECK(answers(*answer) == 1);
}

TEST_CASE("a site that cannot be asked is SERVFAIL") {
  Lab lab;
  lab.ask(query("a.wiki.example", RecordType::kSrv));
  lab.resolver.fail(lab.now, lab.resolver.poll_site_query()->id);
  CHECK(code(*lab.later()) == ResponseCode::kServerFailure);
}

TEST_CASE("only plain servers of the portal are asked through the tunnel") {
  const auto [origin, routes, expect] = GENERATE(table<UpstreamOrigin, ServerRoutes, bool>({
      {UpstreamOrigin::kPortalDo53, {true, false, false}, true},
      {UpstreamOrigin::kPortalDo53, {false, true, true}, true},
      {UpstreamOrigin::kPortalDo53, {false, true, false}, false},
      {UpstreamOrigin::kPortalDo53, {false, false, true}, false},
      {UpstreamOrigin::kPortalDo53, {}, false},
      {UpstreamOrigin::kSystem, {true, true, true}, false},
      {UpstreamOrigin::kPortalDoh, {true, true, true}, false},
  }));
  CHECK(goes_through_tunnel(origin, routes) == expect);
}

TEST_CASE("a tunnelled server is asked from our tunnel address") {
  Lab lab;
  const auto server = endpoint("10.0.0.53:53");
  lab.resolver.set_portal_servers(std::vector<IpAddress>{server.ip}, {});
  lab.resolver.set_tunnelled_servers(std::vector<IpAddress>{server.ip});
  lab.ask(query("example.org"));
  CHECK_FALSE(lab.resolver.poll_outside_query().has_value());
  const auto from = lab.sent_into_tunnel(server);
  lab.deliver_from_tunnel(
      udp_packet(server, from, response("example.org", RecordType::kA, 0x1111)));
  CHECK(answers(*lab.later()) == 1);
}

TEST_CASE("a system resolver inside a CIDR resource is still asked from outside the tunnel") {
  Lab lab;
  lab.resolver.set_tunnelled_servers(std::vector<IpAddress>{address("192.168.0.1")});
  lab.ask(query("example.org"));
  CHECK(lab.resolver.poll_outside_query().has_value());
}

TEST_CASE("traffic to yesterday's sentinel is swallowed") {
  Lab lab;
  const auto old = lab.sentinel();
  lab.resolver.set_system_servers(std::vector<IpAddress>{address("192.168.0.2")});
  CHECK(lab.sentinel() != old);
  CHECK_FALSE(lab.ask(query("a.wiki.example"), old).has_value());
  CHECK(lab.resolver.drops().unmapped_sentinel == 1);
  CHECK(lab.ask(query("a.wiki.example")).has_value());
}

TEST_CASE("packets that go elsewhere are not DNS, those to other ports of a sentinel vanish") {
  Lab lab;
  auto bytes = udp_packet(kApp, endpoint("10.0.0.1:53"), query("a.wiki.example"));
  auto parsed = IpPacket::parse(bytes);
  std::array<uint8_t, IpPacket::kMaxBytes> out{};
  CHECK(std::holds_alternative<Resolver::NotDns>(
      lab.resolver.handle_tun_packet(lab.now, std::get<IpPacket>(parsed), out)));
  CHECK_FALSE(lab.ask(query("a.wiki.example"), SocketAddress{lab.sentinel().ip, 54}).has_value());
  CHECK(lab.resolver.drops().other_port == 1);
}

TEST_CASE("what is no query is dropped and counted") {
  const auto bytes =
      GENERATE(values<Bytes>({{},
                              {1, 2, 3},
                              Bytes(12),
                              response("a.wiki.example", RecordType::kA, 1),
                              build({}, "a.wiki.example", RecordType::kA,
                                    [](MessageBuilder& b) { b.add_question({}); })}));
  Lab lab;
  CHECK_FALSE(lab.ask(bytes).has_value());
  CHECK(lab.resolver.drops().malformed == 1);
  CHECK_FALSE(lab.later().has_value());
}

TEST_CASE("a change of resources or servers empties the cache, also of what is under way") {
  Lab lab;
  const auto asks_upstream = [&] { return !lab.ask(query("new.example")).has_value(); };
  CHECK(asks_upstream());
  const auto first = lab.resolver.poll_outside_query()->id;
  const int change = GENERATE(0, 1, 2);
  const bool is_under_way = GENERATE(true, false);
  const auto answer_first = [&] {
    lab.resolver.handle_result(lab.now, {first, response("new.example", RecordType::kA, 1)});
    CHECK(lab.later().has_value());
  };
  if (!is_under_way) {
    answer_first();
    CHECK_FALSE(asks_upstream());
  }
  const auto before = lab.sentinel();
  if (change == 0) lab.resolver.add_resource(ResourceId("other"), "x.y", IpStack::kDual);
  if (change == 1) lab.resolver.remove_resource(kWiki);
  if (change == 2) lab.resolver.set_system_servers(std::vector<IpAddress>{address("10.9.9.9")});
  if (is_under_way) {
    lab.resolver.handle_result(lab.now, {first, response("new.example", RecordType::kA, 1)});
    std::array<uint8_t, IpPacket::kMaxBytes> out{};
    CHECK_FALSE(lab.resolver.poll_packet(lab.now, out).empty());
  }
  CHECK((lab.sentinel() == before) == (change != 2));
  CHECK(asks_upstream());
}

TEST_CASE("a pool's device is answered when the portal has said where it is") {
  Lab lab;
  lab.resolver.add_device_pool(ResourceId("pool"), "*.laptops.example");
  CHECK_FALSE(lab.ask(query("a.laptops.example")).has_value());
  const auto request = lab.resolver.poll_pool_request();
  REQUIRE(request.has_value());
  const bool is_found = GENERATE(true, false);
  if (is_found) {
    lab.resolver.handle_pool_resolved(lab.now, *request, kGatewayV4, std::nullopt);
  } else {
    lab.resolver.handle_pool_failed(lab.now, *request, DevicePoolStub::Failure::kNotFound);
  }
  const auto answer = lab.later();
  REQUIRE(answer.has_value());
  CHECK(answers(*answer) == (is_found ? 1 : 0));
  CHECK(code(*answer) == (is_found ? ResponseCode::kNoError : ResponseCode::kNameError));
}

TEST_CASE("pools go before resources") {
  Lab lab;
  lab.resolver.add_device_pool(ResourceId("pool"), "a.wiki.example");
  CHECK_FALSE(lab.ask(query("a.wiki.example")).has_value());
  CHECK(lab.resolver.poll_pool_request().has_value());
}

TEST_CASE("too many unanswered queries are SERVFAIL, and none waits for ever") {
  Lab lab;
  for (size_t i = 0; i < Resolver::kMaxPending; ++i) {
    REQUIRE_FALSE(lab.ask(query(std::to_string(i) + ".example")).has_value());
    lab.resolver.poll_outside_query();
  }
  CHECK(code(*lab.ask(query("one-more.example"))) == ResponseCode::kServerFailure);
  CHECK(lab.resolver.drops().over_limit == 1);
  REQUIRE(lab.resolver.poll_timeout().at == kStart + Resolver::kPendingTimeout);
  lab.now = kStart + Resolver::kPendingTimeout;
  lab.resolver.handle_timeout(lab.now);
  CHECK(lab.resolver.poll_timeout().at.is_never());
  CHECK_FALSE(lab.ask(query("one-more.example")).has_value());
}

TEST_CASE("a roaming client's pending TCP query is SERVFAIL, not ten seconds of silence") {
  Lab lab;
  const auto server = endpoint("10.0.0.53:53");
  lab.resolver.set_portal_servers(std::vector<IpAddress>{server.ip}, {});
  lab.resolver.set_tunnelled_servers(std::vector<IpAddress>{server.ip});
  // The application talks TCP to the sentinel.
  const PacketAddresses to_sentinel{kApp, lab.sentinel()};
  std::array<uint8_t, IpPacket::kMaxBytes> buffer{};
  auto app = tcp::Connection::connect(to_sentinel, 1, lab.now);
  REQUIRE(app.write(tcp::framed(query("example.org"))));
  const auto exchange = [&] {
    for (;;) {
      const auto packet = app.poll_transmit(lab.now, buffer);
      if (!packet.empty()) {
        auto parsed = IpPacket::parse(packet);
        std::array<uint8_t, IpPacket::kMaxBytes> out{};
        lab.resolver.handle_tun_packet(lab.now, std::get<IpPacket>(parsed), out);
        continue;
      }
      const auto reply = lab.resolver.poll_packet(lab.now, buffer);
      if (reply.empty()) return;
      auto parsed = IpPacket::parse(reply);
      app.handle_segment(lab.now, *std::get<IpPacket>(parsed).tcp());
    }
  };
  exchange();
  // The query left for the tunnel as a SYN.
  const auto syn = lab.resolver.poll_tunnel_packet(lab.now, buffer);
  REQUIRE_FALSE(syn.empty());
  const bool is_roaming = GENERATE(true, false);
  if (is_roaming) {
    lab.resolver.reset_connections(lab.now);
  } else {
    lab.resolver.set_tunnel_addresses(lab.now, kOurV4, kOurV6);
  }
  exchange();
  const auto answer = tcp::next_message(app.received());
  REQUIRE(answer.has_value());
  CHECK(code({answer->begin(), answer->end()}) == ResponseCode::kServerFailure);
}

}  // namespace
}  // namespace connlib::dns
