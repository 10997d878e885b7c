// Flow records of a gateway: what passes is recorded, under the authorization by which it passes.
#include <catch2/catch.hpp>

#include "connlib/control/control_event.h"
#include "connlib/flow/limits.h"
#include "connlib/gateway/lab.h"
#include "tests/support/packets.h"

namespace connlib::gateway {
namespace {

using namespace connlib::gateway::testing;
using namespace connlib::testing;
using flow::FlowBatch;
using flow::FlowRecord;

constexpr uint8_t kSyn = 0x02;
constexpr uint8_t kFin = 0x11;
const SocketAddress kAlice = endpoint("100.64.0.7:50000");
const SocketAddress kServer = endpoint("10.1.2.3:53");

struct World : Lab {
  LabClient& alice = add_client("alice", 7);

  World() {
    ingest_token = "token";
    record(60s);
    REQUIRE(authorize(alice, cidr("lab", "10.0.0.0/8")));
    connect(alice);
  }
  void record(std::chrono::seconds upload_interval) {
    auto message = init();
    message.flow_logs.upload_interval = upload_interval;
    for (auto& [id, client] : clients) {
      message.authorizations.push_back({id, ResourceId("lab"), absl::InfiniteFuture()});
    }
    tell(std::move(message));
  }
  std::vector<FlowRecord> records(const char* token = "token") {
    std::vector<FlowRecord> out;
    for (const GatewayEvent& event : std::exchange(events, {})) {
      const auto* batch = std::get_if<FlowBatch>(&event);
      if (batch == nullptr) continue;
      CHECK(batch->token == SecretText(token));
      out.insert(out.end(), batch->records.begin(), batch->records.end());
    }
    return out;
  }
  void ask(size_t bytes) { send(alice, udp_packet(kAlice, kServer, Bytes(bytes))); }
  void answer(size_t bytes) { from_tun(udp_packet(kServer, kAlice, Bytes(bytes))); }
  void resolved(const char* domain, const char* real) {
    send(alice, control::encode_control_event(
                    control::AssignedIps{ResourceId("wiki"),
                                         domain,
                                         {address("100.96.0.1"), address("100.96.0.2"),
                                          address("100.96.0.3"), address("100.96.0.4")}})
                    .value());
    resolve(domain, {{address(real)}});
  }
};

TEST_CASE_METHOD(World,
                 "a flow through the gateway is recorded when it opens and when it is idle") {
  ask(10);
  auto got = records();
  REQUIRE(got.size() == 1);
  CHECK(got[0].initiator == kAlice);
  CHECK(got[0].responder == kServer);
  REQUIRE(got[0].outers.size() == 1);
  CHECK(got[0].outers[0].source == gateway_socket);
  CHECK(got[0].outers[0].destination == alice.socket);
  ask(20);
  answer(700);
  const absl::Time last = kDate + absl::FromChrono(now - kStart);
  run_for(flow::kIdleClose + 2s);
  got = records();
  REQUIRE(got.size() == 1);
  REQUIRE(got[0].end.has_value());
  CHECK(got[0].end->tx_packets == 2);
  CHECK(got[0].end->tx_bytes == 30);
  CHECK(got[0].end->rx_packets == 1);
  CHECK(got[0].end->rx_bytes == 700);
  CHECK(last - got[0].end->last_packet < absl::Seconds(1));
  CHECK(got[0].outers.size() == 1);  // Both ways are one path.
}

TEST_CASE_METHOD(World, "the parts of a super-packet are counted one by one") {
  ask(10);
  Bytes first = udp_packet(kServer, kAlice, Bytes(300));
  const auto route = std::get<GatewayRoute>(gateway->open_run(now, first));
  for (int i = 0; i < 5; ++i) {
    Bytes datagram(gateway->datagram_bytes(route, first.size()));
    std::copy(first.begin(), first.end(),
              std::span(datagram).subspan(route.path.packet_offset()).begin());
    REQUIRE(gateway->seal(now, route, datagram, first.size()));
  }
  gateway->shut_down(now);
  settle();
  const auto got = records();
  REQUIRE(got.back().end.has_value());
  CHECK(got.back().end->rx_packets == 5);
  CHECK(got.back().end->rx_bytes == 1500);
}

TEST_CASE_METHOD(World, "what is refused is not recorded") {
  send(alice, udp_packet(kAlice, endpoint("172.16.0.1:53")));
  send(alice, udp_packet(endpoint("100.64.0.8:50000"), kServer));
  from_tun(udp_packet(endpoint("172.16.0.1:53"), kAlice));
  CHECK(records().empty());
  CHECK(gateway->flows().size() == 0);
}

TEST_CASE_METHOD(World, "questions to the gateway's own resolver and pings are no flows") {
  send(alice, udp_packet(kAlice, endpoint("100.64.0.9:53535"), Bytes(30)));
  from_tun(udp_packet(endpoint("100.64.0.9:53535"), kAlice, Bytes(30)));
  send(alice, echo_packet(kAlice.ip, kServer.ip));
  CHECK(tun.size() == 2);
  CHECK(records().empty());
}

TEST_CASE_METHOD(World, "an authorization without a token is not recorded, others are") {
  ingest_token = "";
  REQUIRE(authorize(alice, cidr("other", "192.168.0.0/16")));
  send(alice, udp_packet(kAlice, endpoint("192.168.0.1:53")));
  CHECK(tun.size() == 1);
  CHECK(records().empty());
  ask(1);
  CHECK(records().size() == 1);
}

TEST_CASE_METHOD(World, "a portal that wants no records gets none, until it does") {
  record(0s);
  ask(10);
  CHECK(records().empty());
  record(60s);
  ask(10);
  CHECK(records().size() == 1);
  record(0s);  // Ends what is open.
  CHECK(records().size() == 1);
}

TEST_CASE_METHOD(World, "whoever runs the gateway may want records that the portal does not") {
  record(0s);
  gateway->want_flow_records(now, true);
  ask(10);
  CHECK(records().size() == 1);
}

TEST_CASE_METHOD(World, "a renewed authorization with another token is another flow") {
  ask(10);
  CHECK(records().size() == 1);
  REQUIRE(authorize(alice, cidr("lab", "10.0.0.0/8")));  // The same token.
  ask(10);
  CHECK(records().empty());
  ingest_token = "second";
  REQUIRE(authorize(alice, cidr("lab", "10.0.0.0/8")));
  ask(10);
  CHECK(records("second").size() == 1);
}

TEST_CASE_METHOD(World, "a flow to a name has the address and the port that the resource sees") {
  REQUIRE(authorize(alice, dns("wiki", "*.example.com")));
  resolved("Git.example.com", "10.9.8.7");
  records();
  // Two proxies, one real address: the second connection gets another source port.
  for (const char* proxy : {"100.96.0.1:443", "100.96.0.2:443"}) {
    send(alice, tcp_packet(kAlice, endpoint(proxy), {.flags = kSyn}));
  }
  REQUIRE(tun.size() == 2);
  const auto got = records();
  REQUIRE(got.size() == 2);
  CHECK(got[0].initiator == kAlice);
  CHECK(got[1].initiator == endpoint("100.64.0.7:50001"));
  for (const FlowRecord& record : got) {
    CHECK(record.responder == endpoint("10.9.8.7:443"));
    CHECK(record.domain == "git.example.com");
  }
  // Answers find their flow by the same port, before it is translated.
  from_tun(tcp_packet(endpoint("10.9.8.7:443"), endpoint("100.64.0.7:50001"), {.flags = kFin}));
  send(alice, tcp_packet(kAlice, endpoint("100.96.0.2:443"), {.flags = kFin}));
  const auto ended = records();
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].initiator == endpoint("100.64.0.7:50001"));
  CHECK(ended[0].end->rx_packets == 1);
  CHECK(ended[0].end->tx_packets == 2);
}

TEST_CASE_METHOD(World, "shutting down ends every flow and tells of it") {
  ask(10);
  gateway->shut_down(now);
  settle();
  const auto got = records();
  REQUIRE(got.size() == 2);
  CHECK(got[1].end.has_value());
  CHECK(gateway->flows().size() == 0);
}

}  // namespace
}  // namespace connlib::gateway
