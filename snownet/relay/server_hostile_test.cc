// Stories about people who want the relay to do what it is not for.
#include <catch2/catch.hpp>

#include "snownet/relay/test_relay.h"
#include "tests/support/vectors.h"

namespace connlib::snownet::relay::testing {
namespace {

using stun::MessageClass;
using stun::Method;

struct Bound {
  explicit Bound(ServerOptions options = dual_stack()) : relay(std::move(options)) {
    port = relayed_port(*alice.allocate_dual());
    REQUIRE(alice.bind(0x4000, kPeer)->code() == 0);
  }
  TestRelay relay;
  TestClient alice{relay, kAlice};
  uint16_t port = 0;
};

std::vector<uint8_t> message(Method method, MessageClass cls, const AddAttributes& add) {
  std::vector<uint8_t> buffer(1400);
  stun::MessageBuilder builder(buffer, {method, cls}, stun::TransactionId{{9}});
  add(builder);
  buffer.resize(builder.finish()->size());
  return buffer;
}
const AddAttributes kNothing = [](auto&) {};

TEST_CASE("only the very peer of a bound channel gets through, a permission opens nothing") {
  Bound b;
  REQUIRE(b.alice
              .request(Method::kCreatePermission,
                       [](auto& m) { m.add_xor_peer_address(at("93.184.216.99:1")); })
              ->code() == 0);
  const SocketAddress stranger = GENERATE(as<SocketAddress>{},
                                          at("93.184.216.34:51821"),  // The peer's other port.
                                          at("93.184.216.35:51820"), at("93.184.216.99:1"), kAlice);
  CAPTURE(to_text(stranger));
  CHECK_FALSE(b.relay.to_client(b.port, stranger, {}).has_value());
  CHECK(b.relay.server.counters().of(Drop::kUnknownPeer) == 1);
  CHECK_FALSE(b.relay.to_client(static_cast<uint16_t>(b.port ^ 1U), kPeer, {}).has_value());
  CHECK_FALSE(b.relay.to_client(80, kPeer, {}).has_value());
  CHECK(b.relay.to_client(b.port, kPeer, {}).has_value());
}

TEST_CASE("a client uses its own channels only, and only those it bound") {
  Bound b;
  auto [client, channel] = GENERATE(table<SocketAddress, uint16_t>({
      {kBob, uint16_t{0x4000}},
      {SocketAddress{kAlice.ip, 40009}, uint16_t{0x4000}},
      {kAlice, uint16_t{0x4001}},
      {kAlice, uint16_t{0x4fff}},
  }));
  CAPTURE(to_text(client), channel);
  CHECK_FALSE(b.relay.to_peer(client, channel, {}).has_value());
  CHECK(b.relay.dropped() == Drop::kUnknownChannel);
}

TEST_CASE("valid credentials do not open loopback, link, private networks or the relay itself") {
  ServerOptions options = dual_stack();
  options.peers.own_addresses = {*IpAddress::parse("10.1.2.3"), *IpAddress::parse("5.9.10.99")};
  options.peers.allows_private_peers = GENERATE(false, true);
  Bound b(options);
  const char* forbidden =
      GENERATE("127.0.0.1:8080", "0.0.0.0:80", "169.254.169.254:80", "224.0.0.251:5353",
               "255.255.255.255:9", "93.184.216.34:0", "[::1]:8080", "[fe80::1]:80",
               "[ff02::fb]:5353", "[::ffff:127.0.0.1]:80", "[64:ff9b::127.0.0.1]:80",
               "5.9.10.11:3478",   // The listening socket: a loop.
               "5.9.10.11:22",     // Behind our own firewall.
               "5.9.10.11:50000",  // In the range, but nobody's relayed address.
               "10.1.2.3:53", "5.9.10.99:53", "[2a01:4f8::11]:3478");
  CAPTURE(forbidden);
  CHECK(b.alice.bind(0x4001, at(forbidden))->code() == 403);
  CHECK(b.relay.bindings.size() == 1);
  const char* private_peer = GENERATE("10.1.2.4:53", "192.168.0.1:80", "[fd00::1]:80");
  CHECK(b.alice.bind(0x4002, at(private_peer))->code() ==
        (options.peers.allows_private_peers ? 0 : 403));
}

TEST_CASE("one address cannot take all allocations, a carrier's NAT still gets its share") {
  ServerOptions options = dual_stack();
  options.limits.allocations_per_source = 20;
  TestRelay relay(options);
  const auto ask = [&](const SocketAddress& from, int user) {
    return TestClient(relay, from, "user" + std::to_string(user)).allocate()->code();
  };
  for (uint16_t i = 0; i < 20; ++i) REQUIRE(ask({kAlice.ip, uint16_t(5000 + i)}, i) == 0);
  CHECK(ask({kAlice.ip, 6000}, 20) == 486);
  CHECK(ask(kBob, 21) == 0);
  for (uint16_t i = 0; i < 20; ++i) {
    const SocketAddress from = at("[2606:4700::" + std::to_string(i + 1) + "]:5000");
    REQUIRE(ask(from, 100 + i) == 0);
  }
  CHECK(ask(at("[2606:4700::abcd]:5000"), 200) == 486);  // The same /64.
  CHECK(ask(at("[2606:4700:0:1::1]:5000"), 201) == 0);
  relay.advance(600s);
  CHECK(ask({kAlice.ip, 6000}, 20) == 0);
}

TEST_CASE("one user cannot take all allocations from many addresses") {
  TestRelay relay;
  for (uint32_t i = 0; i < 100; ++i) {
    const SocketAddress from{Ipv4Address{{45, 0, 0, static_cast<uint8_t>(i)}}, 5000};
    REQUIRE(TestClient(relay, from).allocate()->code() == 0);
  }
  CHECK(relay.server.allocation_count() == Limits{}.allocations_per_user);
  CHECK(relay.server.is_consistent());
}

TEST_CASE("the relay as a whole has a limit of allocations") {
  ServerOptions options = dual_stack();
  options.limits.allocations = 2;
  TestRelay relay(options);
  for (int i = 0; i < 3; ++i) {
    TestClient client(relay, {kAlice.ip, static_cast<uint16_t>(100 + i)}, std::to_string(i));
    CHECK(client.allocate()->code() == (i < 2 ? 0 : 508));
  }
}

TEST_CASE("a captured request is of no use from another socket, nor when its nonce is old") {
  TestRelay relay;
  TestClient alice(relay, kAlice);
  REQUIRE(alice.refresh()->code() == 437);
  const auto captured =
      alice.message(Method::kAllocate, [](auto& b) { b.add_requested_transport(17); });
  CHECK(relay.receive(kBob, captured)->code() == 438);
  CHECK(relay.server.allocation_count() == 0);
  relay.advance(20min);
  CHECK(relay.receive(kAlice, captured)->code() == 438);
  CHECK(relay.server.allocation_count() == 0);
}

// Every answer to somebody who proved nothing, IP and UDP headers counted.
TEST_CASE("no unauthenticated answer is more than 1.5 times its question on the wire") {
  ServerOptions options = dual_stack();
  options.limits.unauthenticated_reply_burst = 1'000'000;
  TestRelay relay(options);
  const bool is_v4 = GENERATE(true, false);
  const SocketAddress from = is_v4 ? kAlice : at("[2606:4700::9]:1234");
  const size_t headers = is_v4 ? 28 : 48;
  size_t answers = 0;
  const auto measure = [&](std::span<const uint8_t> question) {
    const auto reply = relay.receive(from, question);
    if (!reply) return;
    ++answers;
    CAPTURE(reply->code(), question.size(), reply->response.size);
    CHECK(2 * (headers + reply->response.size) <= 3 * (headers + question.size()));
  };
  const std::string expiry = std::to_string(absl::ToUnixSeconds(kDate) + 60);
  for (const Method method :
       {Method::kBinding, Method::kAllocate, Method::kRefresh, Method::kCreatePermission,
        Method::kChannelBind, Method::kSend, Method{0x0ff}}) {
    for (int has = 0; has < 64; ++has) {
      measure(message(method, MessageClass::kRequest, [&](stun::MessageBuilder& b) {
        if ((has & 1) != 0) b.add_requested_transport(17);
        if ((has & 2) != 0) b.add_username(expiry + ":s");
        if ((has & 4) != 0) b.add_username("1:");
        if ((has & 8) != 0) b.add(stun::AttributeType{0x7001}, {});
        if ((has & 16) != 0) b.add_nonce("x");
        if ((has & 32) != 0) {
          b.add_channel_number(stun::ChannelNumber(0x4000)).add_xor_peer_address(kPeer);
        }
      }));
    }
  }
  for (uint16_t n = 1; n <= 32; ++n) {  // 420 lists what it did not know.
    measure(message(Method::kAllocate, MessageClass::kRequest, [&](stun::MessageBuilder& b) {
      for (uint16_t i = 0; i < n; ++i) {
        b.add(static_cast<stun::AttributeType>(0x7000 + i), {});
      }
    }));
  }
  CHECK(answers == 7 * 64 + 32);
}

TEST_CASE("a source that proves nothing gets a hundred answers, then fifty a second") {
  TestRelay relay;
  const auto question = message(Method::kBinding, MessageClass::kRequest, kNothing);
  int answers = 0;
  for (int i = 0; i < 1000; ++i) answers += relay.receive(kAlice, question) ? 1 : 0;
  CHECK(answers == 100);
  CHECK(relay.server.counters().of(Drop::kReplyLimit) == 900);
  CHECK(relay.receive(kBob, question).has_value());
  relay.advance(1s);
  for (int i = 0; i < 1000; ++i) answers += relay.receive(kAlice, question) ? 1 : 0;
  CHECK(answers == 150);
}

TEST_CASE("a flood from a client's address does not keep the client from refreshing") {
  Bound b;
  const auto flood = message(Method::kAllocate, MessageClass::kRequest,
                             [](auto& m) { m.add_requested_transport(17); });
  for (int i = 0; i < 1000; ++i) b.relay.receive(kAlice, flood);
  CHECK(b.alice.refresh()->code() == 0);
}

TEST_CASE("indications, responses and reflections are never answered") {
  Bound b;
  const MessageClass cls =
      GENERATE(MessageClass::kIndication, MessageClass::kSuccess, MessageClass::kError);
  const Method method = GENERATE(Method::kBinding, Method::kAllocate, Method::kSend, Method::kData);
  std::vector<uint8_t> overrun{0, 6, 0, 99};
  auto datagram = message(method, cls, kNothing);
  CHECK_FALSE(b.relay.receive(kAlice, datagram).has_value());
  CHECK(b.relay.dropped() == Drop::kNotARequest);
  datagram.insert(datagram.end(), overrun.begin(), overrun.end());  // Malformed, too.
  store_be16(datagram.data() + 2, 4);
  CHECK_FALSE(b.relay.receive(kAlice, datagram).has_value());
  CHECK(b.relay.dropped() == Drop::kNotARequest);
}

TEST_CASE("nobody is answered who would make the relay talk to itself, to all or to nobody") {
  TestRelay relay;
  const char* from =
      GENERATE("198.41.0.4:0", "224.0.0.1:4000", "255.255.255.255:4000", "0.0.0.0:4000",
               "5.9.10.11:3478", "[2a01:4f8::11]:3478", "[ff02::1]:4000", "[::]:4000");
  CAPTURE(from);
  CHECK_FALSE(relay.receive(at(from), message(Method::kBinding, MessageClass::kRequest, kNothing)));
  CHECK(relay.dropped() == Drop::kSourceCannotBeAnswered);
}

TEST_CASE("malformed messages end as the vectors say") {
  for (const auto& vector : connlib::testing::stun_vectors().at("malformed")) {
    TestRelay relay;
    const std::string name = vector.at("name");
    const auto datagram = connlib::testing::hex_bytes(vector.at("message"));
    CAPTURE(name, vector.at("expect").get<std::string>());
    const auto reply = relay.receive(kAlice, datagram);
    CHECK(relay.server.allocation_count() == 0);
    if (name == "peer-address-family-3" || name == "peer-address-v6-with-4-bytes" ||
        name == "attribute-overrun") {
      REQUIRE(reply.has_value());
      CHECK(reply->code() == 400);
      CHECK_FALSE(reply->message().has_integrity());
    } else if (name == "allocate-request-byte-flipped" ||
               name == "lifetime-after-message-integrity") {
      REQUIRE(reply.has_value());  // Their nonce is another relay's.
      CHECK(reply->code() == 438);
    } else {
      CHECK_FALSE(reply.has_value());
    }
  }
}

TEST_CASE("a request longer than any real one is dropped unread") {
  TestRelay relay;
  std::vector<uint8_t> datagram(1504);
  const std::vector<uint8_t> fill(1480);
  stun::MessageBuilder(datagram, {Method::kBinding, MessageClass::kRequest}, {})
      .add(stun::AttributeType{0x8fff}, fill)
      .finish();
  CHECK_FALSE(relay.receive(kAlice, datagram).has_value());
  CHECK(relay.dropped() == Drop::kNotOurs);
}

TEST_CASE("whoever does not poll loses answers, not memory") {
  ServerOptions options = dual_stack();
  options.limits.unauthenticated_reply_burst = 1'000'000;
  TestRelay relay(options);
  const auto question = message(Method::kBinding, MessageClass::kRequest, kNothing);
  for (int i = 0; i < 5000; ++i) relay.server.handle_client_run(relay.now, kAlice, question, 0);
  CHECK(relay.server.counters().of(Drop::kQueueFull) == 5000 - kMaxQueuedOutputs);
}

// Everything that is told at any level, in one text.
class Listener final : public Tracer {
 public:
  bool enabled(TraceLevel /*level*/) const override { return true; }
  void record(TraceLevel /*level*/, std::string_view module, std::string_view message,
              std::initializer_list<TraceField> fields) override {
    text.append(module).append(" ").append(message);
    for (const TraceField& field : fields) {
      text.append(" ").append(field.name).append("=");
      if (const auto* value = std::get_if<std::string_view>(&field.value)) text.append(*value);
    }
    text.append("\n");
  }
  std::string text;
};

TEST_CASE("whoever reads the log learns no secret, no password and no nonce") {
  Listener listener;
  TestRelay relay(dual_stack(), 1, listener);
  TestClient alice(relay, kAlice);
  REQUIRE(alice.allocate()->code() == 0);
  REQUIRE(alice.bind(0x4000, kPeer)->code() == 0);
  const std::string nonce = alice.nonce;
  const std::string password = alice.password;
  alice.password = "a-guess";
  REQUIRE(alice.ask(Method::kRefresh, kNothing)->code() == 401);
  alice.password = password;
  alice.nonce = "an-invention";
  REQUIRE(alice.ask(Method::kRefresh, kNothing)->code() == 438);
  REQUIRE(alice.refresh(0)->code() == 0);
  REQUIRE(listener.text.find("allocation made") != std::string::npos);
  REQUIRE(listener.text.find("request refused") != std::string::npos);
  for (const std::string& hidden : {std::string(kStampSecret), password, nonce,
                                    std::string("a-guess"), std::string("an-invention")}) {
    CAPTURE(listener.text, hidden);
    CHECK(listener.text.find(hidden) == std::string::npos);
  }
}

TEST_CASE("a nonce is asked for before anything is computed that takes a password") {
  TestRelay relay;
  TestClient mallory(relay, kBob);
  mallory.password = "a-guess";
  mallory.nonce = "6cb1f5ba-4f7b-4f6e-9c2c-0d4f6c0a7e55";
  CHECK(mallory.ask(Method::kAllocate, kNothing)->code() == 400);  // Cheaper still.
  const auto answer =
      mallory.ask(Method::kAllocate, [](auto& b) { b.add_requested_transport(17); });
  CHECK(answer->code() == 438);  // Not 401, which the password would have earned it.
}

TEST_CASE("a thousand clients that come and go leave nothing behind") {
  TestRelay relay;
  for (int round = 0; round < 1000; ++round) {
    const SocketAddress from{
        Ipv4Address{{45, 1, static_cast<uint8_t>(round >> 8), static_cast<uint8_t>(round)}}, 5000};
    TestClient client(relay, from, std::to_string(round));
    REQUIRE(client.allocate_dual()->code() == 0);
    REQUIRE(client.bind(0x4000, kPeer)->code() == 0);
    REQUIRE(client.bind(0x4001, kPeer6)->code() == 0);
    if (round % 2 == 0) REQUIRE(client.refresh(0)->code() == 0);
  }
  relay.advance(600s);
  CHECK(relay.server.allocation_count() == 0);
  CHECK(relay.bindings.empty());
  CHECK(relay.ports.empty());
  CHECK(relay.server.free_port_count() == 16384);
  CHECK(relay.server.is_consistent());
}

}  // namespace
}  // namespace connlib::snownet::relay::testing
