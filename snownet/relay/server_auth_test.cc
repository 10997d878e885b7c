// Stories about who is let in, and how the others are told.
#include <catch2/catch.hpp>

#include "snownet/relay/test_relay.h"

namespace connlib::snownet::relay::testing {
namespace {

using stun::Method;

const AddAttributes kUdpOnly = [](stun::MessageBuilder& b) { b.add_requested_transport(17); };

std::vector<uint8_t> bare(
    Method method, const AddAttributes& add = [](auto&) {}) {
  std::vector<uint8_t> buffer(600);
  stun::MessageBuilder builder(buffer, {method, stun::MessageClass::kRequest},
                               stun::TransactionId{{1, 2, 3}});
  add(builder);
  buffer.resize(builder.finish()->size());
  return buffer;
}

TEST_CASE("a stranger's Allocate is challenged, and with the nonce it succeeds") {
  TestRelay relay;
  TestClient alice(relay, kAlice);
  const auto challenge = alice.ask(Method::kAllocate, kUdpOnly);
  REQUIRE(challenge.has_value());
  CHECK(challenge->code() == 401);
  CHECK(challenge->message().realm() == "firezone");
  CHECK(challenge->message().nonce()->size() == 12);
  CHECK(alice.verifies(*challenge));  // It named itself: the refusal proves who refuses.

  alice.nonce = *challenge->message().nonce();
  const auto granted = alice.ask(Method::kAllocate, kUdpOnly);
  REQUIRE(granted.has_value());
  CHECK(granted->code() == 0);
  CHECK(alice.verifies(*granted));
  CHECK(granted->message().xor_mapped_address() == kAlice);
  CHECK(granted->message().xor_relayed_address(IpFamily::kV4)->ip == IpAddress(kPublic4));
  CHECK_FALSE(granted->message().xor_relayed_address(IpFamily::kV6).has_value());
  CHECK(granted->message().lifetime() == std::chrono::seconds(600));
  CHECK(granted->message().software() == "connlib-relay");
  CHECK_FALSE(granted->message().has_fingerprint());
}

TEST_CASE("a challenge to somebody without a name is not signed and names no software") {
  TestRelay relay;
  const auto reply = relay.receive(kAlice, bare(Method::kAllocate, kUdpOnly));
  REQUIRE(reply.has_value());
  CHECK(reply->code() == 401);
  CHECK(reply->message().nonce().has_value());
  CHECK_FALSE(reply->message().has_integrity());
  CHECK_FALSE(reply->message().software().has_value());
  CHECK(reply->message().error()->reason.empty());
}

TEST_CASE("a nonce of another socket, of another day or invented is stale, and a new one comes") {
  TestRelay relay;
  TestClient alice(relay, kAlice);
  TestClient bob(relay, kBob);
  REQUIRE(alice.allocate()->code() == 0);
  const std::string good = alice.nonce;

  bob.nonce = good;
  auto stale = bob.ask(Method::kAllocate, kUdpOnly);
  CHECK(stale->code() == 438);
  CHECK(bob.verifies(*stale));
  CHECK(stale->message().nonce() != good);

  alice.nonce = "6cb1f5ba-4f7b-4f6e-9c2c-0d4f6c0a7e55";
  CHECK(alice.ask(Method::kRefresh, [](auto&) {})->code() == 438);

  alice.nonce = good;
  REQUIRE(alice.refresh(3600)->code() == 0);
  relay.advance(20min);
  stale = alice.ask(Method::kRefresh, [](auto&) {});
  CHECK(stale->code() == 438);
  CHECK(alice.refresh()->code() == 0);
}

TEST_CASE("credentials are refused the second after they expire, judged by the wall clock") {
  TestRelay relay;
  TestClient alice(relay, kAlice, "salt", kDate + absl::Seconds(60));
  REQUIRE(alice.allocate()->code() == 0);
  relay.advance(60s);
  CHECK(alice.refresh()->code() == 0);
  relay.advance(1s);
  auto refused = alice.ask(Method::kRefresh, [](auto&) {});
  CHECK(refused->code() == 401);
  CHECK(alice.verifies(*refused));

  // The machine's clock had been an hour ahead and was set right.
  relay.server.handle_wall_clock(relay.now, kDate - absl::Hours(1));
  CHECK(alice.refresh()->code() == 0);
}

TEST_CASE("a wrong password, an unknown name and an altered message are unauthorized") {
  TestRelay relay;
  TestClient alice(relay, kAlice);
  alice.nonce = *alice.ask(Method::kAllocate, kUdpOnly)->message().nonce();
  SECTION("wrong password") {
    alice.password[0] = alice.password[0] == 'A' ? 'B' : 'A';
    CHECK(alice.ask(Method::kAllocate, kUdpOnly)->code() == 401);
  }
  SECTION("malformed user names") {
    alice.username = GENERATE("alice", "1780000000", "1780000000:a:b", "-5:salt", "x:salt", ":salt",
                              "18446744073709551616:salt");
    CAPTURE(alice.username);
    const auto refused = alice.ask(Method::kAllocate, kUdpOnly);
    CHECK(refused->code() == 401);
    CHECK_FALSE(refused->message().has_integrity());
  }
  SECTION("one flipped bit") {
    auto message = alice.message(Method::kAllocate, kUdpOnly);
    message[25] ^= 1U;  // In the reserved bytes of REQUESTED-TRANSPORT.
    CHECK(relay.receive(kAlice, message)->code() == 401);
  }
  CHECK(relay.server.allocation_count() == 0);
}

TEST_CASE("a relay that stands alone knows its users by name and password") {
  Credentials credentials;
  credentials.add_user("alice", "swordfish");
  SeededRandom random(1);
  TestRelay relay;
  TestClient alice(relay, kAlice);
  alice.username = "alice";
  alice.password = "swordfish";
  CHECK(alice.allocate()->code() == 401);  // This relay has derived credentials only.

  Server alone(dual_stack(), std::move(credentials), random, null_tracer(), kStart, kDate);
  const auto ask = [&] {
    alone.handle_client_run(kStart, kAlice, alice.message(Method::kAllocate, kUdpOnly), 0);
    while (auto command = alone.poll_command()) {
      if (const auto* open = std::get_if<OpenPort>(&*command)) {
        alone.handle_port_opened(kStart, open->port);
      }
    }
    return Reply{*alone.poll_transmit()};
  };
  alice.nonce.clear();
  alice.nonce = *ask().message().nonce();
  CHECK(ask().code() == 0);
}

TEST_CASE("whatever is wrong with a request is found before its credentials are looked at") {
  TestRelay relay;
  struct Row {
    const char* what;
    Method method;
    AddAttributes add;
    int code;
  };
  const Row row = GENERATE(values<Row>({
      {"no transport", Method::kAllocate, [](auto&) {}, 400},
      {"no peer", Method::kChannelBind,
       [](auto& b) { b.add_channel_number(stun::ChannelNumber(0x4000)); }, 400},
      {"no channel", Method::kChannelBind, [](auto& b) { b.add_xor_peer_address(kPeer); }, 400},
      {"channel 0x3fff", Method::kChannelBind,
       [](auto& b) {
         b.add_channel_number(stun::ChannelNumber(0x3fff)).add_xor_peer_address(kPeer);
       },
       400},
      {"channel 0x5000", Method::kChannelBind,
       [](auto& b) {
         b.add_channel_number(stun::ChannelNumber(0x5000)).add_xor_peer_address(kPeer);
       },
       400},
      {"unknown method", static_cast<Method>(0x00a), [](auto&) {}, 400},
      {"Send as a request", Method::kSend, [](auto&) {}, 400},
      {"unknown attribute", Method::kAllocate,
       [](auto& b) { b.add_requested_transport(17).add(stun::AttributeType{0x7abc}, {}); }, 420},
      {"CHANGE-REQUEST", Method::kBinding,
       [](auto& b) { b.add(stun::AttributeType{0x0003}, std::vector<uint8_t>(4)); }, 420},
      {"DONT-FRAGMENT", Method::kAllocate,
       [](auto& b) { b.add_requested_transport(17).add(stun::AttributeType::kDontFragment, {}); },
       420},
      {"RESERVATION-TOKEN", Method::kAllocate,
       [](auto& b) {
         b.add_requested_transport(17).add(stun::AttributeType::kReservationToken,
                                           std::vector<uint8_t>(8));
       },
       420},
      {"EVEN-PORT that reserves", Method::kAllocate,
       [](auto& b) {
         b.add_requested_transport(17).add(stun::AttributeType::kEvenPort,
                                           std::vector<uint8_t>{0x80});
       },
       420},
      {"a value of the wrong size", Method::kRefresh,
       [](auto& b) { b.add(stun::AttributeType::kLifetime, std::vector<uint8_t>(3)); }, 400},
  }));
  CAPTURE(row.what);
  const auto reply = relay.receive(kAlice, bare(row.method, row.add));
  REQUIRE(reply.has_value());
  CHECK(reply->code() == row.code);
  CHECK_FALSE(reply->message().has_integrity());
  if (row.code == 420) {
    CHECK(reply->message().find(stun::AttributeType::kUnknownAttributes)->size() == 2);
  }
}

TEST_CASE("unknown optional attributes and those behind MESSAGE-INTEGRITY are ignored") {
  TestRelay relay;
  TestClient alice(relay, kAlice);
  const auto reply =
      alice.allocate([](auto& b) { b.add(stun::AttributeType{0xc057}, std::vector<uint8_t>(8)); });
  CHECK(reply->code() == 0);

  auto message = alice.message(Method::kRefresh, [](auto&) {});
  const std::vector<uint8_t> lifetime_of_a_second{0x00, 0x0d, 0x00, 0x04, 0, 0, 0, 1};
  message.insert(message.end(), lifetime_of_a_second.begin(), lifetime_of_a_second.end());
  store_be16(message.data() + 2, static_cast<uint16_t>(message.size() - 20));
  CHECK(relay.receive(kAlice, message)->message().lifetime() == std::chrono::seconds(600));
}

TEST_CASE("Binding tells anybody their address, in as few bytes as possible") {
  TestRelay relay;
  const SocketAddress client = GENERATE(as<SocketAddress>{}, kAlice, at("[2606:4700::9]:1234"));
  const auto reply = relay.receive(client, bare(Method::kBinding));
  REQUIRE(reply.has_value());
  CHECK(reply->code() == 0);
  CHECK(reply->message().xor_mapped_address() == client);
  CHECK(reply->response.size == (client.ip.is_v4() ? 32U : 44U));
  CHECK(relay.server.allocation_count() == 0);
}

TEST_CASE("CreatePermission succeeds for everybody who is somebody") {
  TestRelay relay;
  TestClient alice(relay, kAlice);
  CHECK(alice.request(Method::kCreatePermission, [](auto& b) { b.add_xor_peer_address(kPeer); })
            ->code() == 0);
  CHECK(relay.server.allocation_count() == 0);
  CHECK(relay.receive(kBob, bare(Method::kCreatePermission))->code() == 401);
}

}  // namespace
}  // namespace connlib::snownet::relay::testing
