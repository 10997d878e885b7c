// The client and the server of DNS over TCP meet over a wire, packet by packet.
#include <array>
#include <map>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/dns/tcp/client.h"
#include "connlib/dns/tcp/framing.h"
#include "connlib/dns/tcp/server.h"
#include "connlib/dns/tcp/wire.h"
#include "connlib/packet/icmp_error.h"
#include "tests/support/packets.h"
#include "tests/support/start_time.h"

namespace connlib::dns::tcp {
namespace {

using connlib::testing::address;
using connlib::testing::endpoint;
using connlib::testing::kStart;
using Bytes = std::vector<uint8_t>;

const IpAddress kLocal = address("100.64.0.7");
const SocketAddress kServer = endpoint("100.100.111.1:53");

Bytes message(uint16_t id, uint8_t fill, size_t size = 40) {
  Bytes out(size, fill);
  store_be16(out.data(), id);
  return out;
}

class Lab {
 public:
  explicit Lab(const Wire::Faults& faults = {}, uint64_t seed = 1)
      : wire(seed, faults),
        client_random_(seed),
        server_random_(seed + 9),
        client(client_random_),
        server(server_random_) {
    server.listen(std::vector<IpAddress>{kServer.ip});
  }

  void ask(uint64_t id, const Bytes& query) {
    REQUIRE(client.send(now, QueryId(id), kLocal, kServer, query));
  }

  // Runs to the end of all activity within `limit`. `respond` answers a query of the server.
  template <typename Respond>
  void run(Duration limit, Respond respond) {
    const Timestamp end = now + limit;
    for (size_t steps = 0; steps < 100'000; ++steps) {
      pump(respond);
      const Timestamp next =
          std::min({wire.next_at(), client.poll_timeout().at, server.poll_timeout().at});
      if (next > end) {
        now = end;
        return;
      }
      now = std::max(now, next);
      while (auto packet = wire.receive(now)) {
        auto view = packet_of(packet->second);
        CHECK((packet->first == 0 ? client.handle_packet(now, view)
                                  : server.handle_packet(now, view)));
      }
      if (client.poll_timeout().at <= now) client.handle_timeout(now);
      if (server.poll_timeout().at <= now) server.handle_timeout(now);
    }
    FAIL("too many steps: somebody spins");
  }
  // Answers every query with itself.
  void run(Duration limit = 5s) {
    run(limit, [this](const Server::Query& query) {
      server.answer(now, query.connection, query.message);
    });
  }

  std::map<uint64_t, std::variant<Bytes, QueryFailure>> results;
  size_t queries_seen = 0;
  Timestamp now = kStart;
  Wire wire;

 private:
  SeededRandom client_random_;
  SeededRandom server_random_;

 public:
  Client client;
  Server server;

 private:
  template <typename Respond>
  void pump(Respond respond) {
    std::array<uint8_t, IpPacket::kMaxBytes> buffer{};
    while (const auto query = server.poll_query()) {
      ++queries_seen;
      respond(*query);
    }
    for (auto packet = client.poll_packet(now, buffer); !packet.empty();
         packet = client.poll_packet(now, buffer)) {
      wire.send(now, 1, packet);
    }
    for (auto packet = server.poll_packet(now, buffer); !packet.empty();
         packet = server.poll_packet(now, buffer)) {
      wire.send(now, 0, packet);
    }
    while (auto result = client.poll_result()) {
      CHECK(results.count(result->query.value()) == 0);
      results.emplace(result->query.value(), std::move(result->outcome));
    }
  }
};

TEST_CASE("queries come back with their own ids, even when they are the same") {
  Lab lab;
  for (uint8_t i = 0; i < 50; ++i) lab.ask(i, message(77, i));
  lab.run();
  REQUIRE(lab.results.size() == 50);
  for (uint8_t i = 0; i < 50; ++i) CHECK(std::get<Bytes>(lab.results.at(i)) == message(77, i));
  CHECK(lab.server.connections() == 1);
}

TEST_CASE("every query is answered once, whatever the wire does") {
  const auto seed = GENERATE(range(uint64_t{1}, uint64_t{11}));
  Lab lab({.lost_percent = 10, .doubled_percent = 10, .delay = 20ms, .jitter = 30ms}, seed);
  for (uint8_t i = 0; i < 20; ++i) lab.ask(i, message(i, i, 500));
  lab.run(1min);
  REQUIRE(lab.results.size() == 20);
  size_t answered = 0;
  for (uint8_t i = 0; i < 20; ++i) {
    const auto* bytes = std::get_if<Bytes>(&lab.results.at(i));
    if (bytes == nullptr) continue;
    ++answered;
    CHECK(*bytes == message(i, i, 500));
  }
  CHECK(answered >= 5);  // The rest ran out of its ten seconds.
}

TEST_CASE("a message of 65,535 bytes passes in both directions") {
  Lab lab;
  lab.ask(1, message(1, 0x42, 65'535));
  lab.run();
  CHECK((std::get<Bytes>(lab.results.at(1)) == message(1, 0x42, 65'535)));
}

TEST_CASE("a connection has one query outstanding, the others wait their turn") {
  Lab lab;
  for (uint8_t i = 0; i < 5; ++i) lab.ask(i, message(i, i));
  std::vector<Server::Query> held;
  lab.run(2s, [&](const Server::Query& query) { held.push_back(query); });
  CHECK(held.size() == 1);
  lab.server.answer(lab.now, held.front().connection, held.front().message);
  lab.run(2s, [&](const Server::Query& query) { held.push_back(query); });
  CHECK(held.size() == 2);
  CHECK(lab.results.size() == 1);
}

TEST_CASE("a silent server costs ten seconds, and its late answer is dropped") {
  Lab lab;
  lab.ask(1, message(1, 1));
  std::optional<ConnectionId> asked;
  lab.run(11s, [&](const Server::Query& query) { asked = query.connection; });
  REQUIRE(lab.results.size() == 1);
  CHECK(std::get<QueryFailure>(lab.results.at(1)) == QueryFailure::kTimedOut);
  lab.server.answer(lab.now, *asked, message(1, 1));
  lab.run();
  CHECK(lab.results.size() == 1);
}

TEST_CASE("an idle connection is closed, and the next query opens another") {
  Lab lab;
  lab.ask(1, message(1, 1));
  lab.run(1s);
  CHECK(lab.server.connections() == 1);
  lab.run(20s);
  CHECK(lab.server.connections() == 0);
  CHECK(lab.client.poll_timeout().at.is_never());
  CHECK(lab.server.poll_timeout().at.is_never());
  lab.ask(2, message(2, 2));
  lab.run(1s);
  CHECK(std::get<Bytes>(lab.results.at(2)) == message(2, 2));
}

TEST_CASE("a server that closes under pending queries is asked again, three times at most") {
  Lab lab;
  lab.ask(1, message(1, 1));
  const bool recovers = GENERATE(true, false);
  lab.run(5s, [&](const Server::Query& query) {
    if (recovers && lab.queries_seen == 2) {
      lab.server.answer(lab.now, query.connection, query.message);
    } else {
      lab.server.refuse(query.connection);
    }
  });
  REQUIRE(lab.results.size() == 1);
  CHECK(lab.queries_seen == (recovers ? 2 : Client::kMaxAttempts));
  if (recovers) {
    CHECK(std::get<Bytes>(lab.results.at(1)) == message(1, 1));
  } else {
    CHECK(std::get<QueryFailure>(lab.results.at(1)) == QueryFailure::kReset);
  }
}

TEST_CASE("a refused connection fails its queries at once") {
  Lab lab;
  lab.ask(1, message(1, 1));
  std::array<uint8_t, IpPacket::kMaxBytes> buffer{};
  const auto syn = lab.client.poll_packet(lab.now, buffer);
  std::array<uint8_t, IpPacket::kMaxBytes> out{};
  const SocketAddress from{kLocal, segment_of(syn).source_port()};
  auto reset = packet_of(write_reset_for({kServer, from}, segment_of(syn), out));
  CHECK(lab.client.handle_packet(lab.now, reset));
  CHECK(std::get<QueryFailure>(lab.client.poll_result()->outcome) == QueryFailure::kReset);
  CHECK(lab.client.poll_timeout().at.is_never());
}

TEST_CASE("an ICMP error about the connection fails its queries at once") {
  Lab lab;
  lab.ask(1, message(1, 1));
  std::array<uint8_t, IpPacket::kMaxBytes> buffer{};
  const auto syn = lab.client.poll_packet(lab.now, buffer);
  std::array<uint8_t, IpPacket::kMaxBytes> out{};
  auto error = packet_of(write_icmp_error(IcmpError::prohibited(IpFamily::kV4),
                                          {address("10.0.0.1"), kLocal}, syn, out));
  CHECK(lab.client.handle_packet(lab.now, error));
  CHECK(std::get<QueryFailure>(lab.client.poll_result()->outcome) == QueryFailure::kUnreachable);
}

TEST_CASE("a reset fails what is pending, and stragglers of it are swallowed") {
  Lab lab;
  lab.ask(1, message(1, 1));
  std::optional<ConnectionId> asked;
  lab.run(1s, [&](const Server::Query& query) { asked = query.connection; });
  lab.client.reset(lab.now);
  CHECK(std::get<QueryFailure>(lab.client.poll_result()->outcome) == QueryFailure::kReset);
  lab.server.answer(lab.now, *asked, message(1, 1));
  lab.run(2s);  // Checks that the client takes every packet.
  CHECK(lab.results.empty());
  lab.ask(2, message(2, 2));
  lab.run(2s);
  CHECK(lab.results.count(2) == 1);
}

TEST_CASE("more than ten connections to a sentinel: the idlest makes way, askers stay") {
  Lab lab;
  std::array<uint8_t, IpPacket::kMaxBytes> buffer{};
  const auto open = [&](uint16_t port) {
    auto syn =
        packet_of(write_tcp({{kLocal, port}, kServer},
                            {.sequence = 1, .flags = TcpFields::kSyn, .window = 9000}, {}, buffer));
    CHECK(lab.server.handle_packet(lab.now, syn));
    std::array<uint8_t, IpPacket::kMaxBytes> out{};
    const auto answer = segment_of(lab.server.poll_packet(lab.now, out));
    if (answer.has_rst()) return false;
    // Acknowledges, and asks.
    const auto query = framed(message(1, 1));
    auto ask = packet_of(write_tcp({{kLocal, port}, kServer},
                                   {.sequence = 2,
                                    .acknowledgment = answer.sequence() + 1,
                                    .flags = TcpFields::kAck,
                                    .window = 9000},
                                   query, buffer));
    lab.server.handle_packet(lab.now, ask);
    while (!lab.server.poll_packet(lab.now, out).empty()) {
    }
    return true;
  };
  for (uint16_t port = 1000; port < 1010; ++port) REQUIRE(open(port));
  CHECK_FALSE(open(2000));  // All ten wait for an answer.
  const auto first = lab.server.poll_query();
  REQUIRE(first.has_value());
  lab.server.answer(lab.now, first->connection, message(1, 1));
  CHECK(open(2001));
  CHECK(lab.server.connections() == Server::kMaxConnectionsPerAddress);
}

TEST_CASE("the server serves its addresses on port 53 and nothing else") {
  Lab lab;
  std::array<uint8_t, IpPacket::kMaxBytes> buffer{};
  const auto [to, ours, answered] =
      GENERATE(table<std::string, bool, bool>({{"100.100.111.1:53", true, true},
                                               {"100.100.111.1:80", true, false},
                                               {"100.100.111.2:53", false, false}}));
  auto syn =
      packet_of(write_tcp({{kLocal, 999}, endpoint(to)}, {.flags = TcpFields::kSyn}, {}, buffer));
  CHECK(lab.server.handle_packet(lab.now, syn) == ours);
  std::array<uint8_t, IpPacket::kMaxBytes> out{};
  const auto packet = lab.server.poll_packet(lab.now, out);
  CHECK(packet.empty() != ours);
  if (ours) CHECK(segment_of(packet).has_rst() != answered);
}

TEST_CASE("half-open connections end by themselves") {
  Lab lab;
  std::array<uint8_t, IpPacket::kMaxBytes> buffer{};
  auto syn = packet_of(write_tcp({{kLocal, 999}, kServer}, {.flags = TcpFields::kSyn}, {}, buffer));
  lab.server.handle_packet(lab.now, syn);
  CHECK(lab.server.connections() == 1);
  Timestamp now = lab.now;
  while (!lab.server.poll_timeout().at.is_never()) {
    now = std::max(now, lab.server.poll_timeout().at);
    REQUIRE(now < kStart + 2min);
    lab.server.handle_timeout(now);
    while (!lab.server.poll_packet(now, buffer).empty()) {
    }
  }
  CHECK(lab.server.connections() == 0);
}

TEST_CASE("listening elsewhere drops the connections of before") {
  Lab lab;
  lab.ask(1, message(1, 1));
  lab.run(1s, [](const Server::Query&) {});
  CHECK(lab.server.connections() == 1);
  lab.server.listen(std::vector<IpAddress>{address("100.100.111.2")});
  CHECK(lab.server.connections() == 0);
}

}  // namespace
}  // namespace connlib::dns::tcp
