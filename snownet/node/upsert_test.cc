#include <catch2/catch.hpp>

#include "snownet/ice/candidate_text.h"
#include "snownet/node/lab.h"

namespace connlib::snownet::node {
namespace {

using testing::End;
using testing::ipv6_packet;
using testing::kPeer;
using testing::Lab;
using wireguard::MessageType;

std::vector<std::string> added_lines(const End& end) {
  std::vector<std::string> lines;
  for (const NodeEvent& event : end.events) {
    if (const auto* added = std::get_if<CandidateAdded>(&event)) lines.push_back(added->line);
  }
  return lines;
}

TEST_CASE("an upsert before any relay has answered is refused and changes nothing") {
  Lab lab;
  CHECK(lab.upsert(lab.a) == Upserted::kNoRelays);
  lab.list_relays(lab.a);
  CHECK(lab.upsert(lab.a) == Upserted::kNoRelays);
  CHECK(lab.a.node->connection_count() == 0);
  CHECK(lab.a.events.empty());
  CHECK_FALSE(lab.a.node->state(kPeer).has_value());
  lab.run_for(1s);
  CHECK(lab.upsert(lab.a) == Upserted::kCreated);
}

TEST_CASE("candidates are signalled best kind first, with the priorities of the agent") {
  Lab lab;
  lab.list_relays(lab.a);
  lab.run_for(1s);
  REQUIRE(lab.upsert(lab.a) == Upserted::kCreated);
  const auto lines = added_lines(lab.a);
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].find("2130706175 192.168.1.2 52625 typ host") != std::string::npos);
  CHECK(lines[1].find("203.0.113.1 52625 typ srflx raddr 0.0.0.0 rport 0 ufrag aaaa") !=
        std::string::npos);
  CHECK(lines[2].find("37748479 198.51.100.1") != std::string::npos);
  CHECK(lines[2].find("typ relay") != std::string::npos);
}

TEST_CASE("the same upsert again finds the connection and signals all candidates anew") {
  Lab lab;
  lab.introduce();
  REQUIRE(lab.run_until([&] { return lab.is_established(); }, 2s));
  const auto before = added_lines(lab.a);
  const size_t initiations = lab.sent(MessageType::kInitiation, lab.a.mapped);
  lab.run_for(1s);
  CHECK(lab.upsert(lab.a) == Upserted::kReused);
  const auto after = added_lines(lab.a);
  REQUIRE(after.size() == 2 * before.size());
  CHECK(std::equal(before.begin(), before.end(), after.end() - std::ptrdiff_t(before.size())));
  lab.run_for(1s);
  // A handshake was made for the path less than twenty seconds ago.
  CHECK(lab.sent(MessageType::kInitiation, lab.a.mapped) == initiations);
  CHECK(lab.a.node->is_connected(kPeer));
  CHECK(lab.a.count<Established>() == 1);
  lab.run_for(20s);
  CHECK(lab.upsert(lab.a) == Upserted::kReused);
  CHECK(lab.upsert(lab.b) == Upserted::kReused);
  lab.run_for(1s);
  CHECK(lab.sent(MessageType::kInitiation, lab.a.mapped) == initiations + 1);
  CHECK(lab.sent(MessageType::kInitiation, lab.b.mapped) == 0);  // It is controlled.
}

TEST_CASE("two upserts within a tenth of a second lead to one handshake") {
  Lab lab;
  lab.introduce();
  lab.run_for(100ms);
  CHECK(lab.upsert(lab.a) == Upserted::kReused);
  CHECK(lab.upsert(lab.b) == Upserted::kReused);
  REQUIRE(lab.run_until([&] { return lab.is_established(); }, 2s));
  lab.run_for(2s);
  CHECK(lab.sent(MessageType::kInitiation, lab.a.mapped) == 1);
}

TEST_CASE("whatever differs in an upsert replaces the connection, and both ends meet again") {
  Lab lab;
  lab.introduce();
  REQUIRE(lab.run_until([&] { return lab.is_established(); }, 2s));
  const std::string what = GENERATE("psk", "credentials");
  CAPTURE(what);
  if (what == "psk") {
    lab.psk_a = lab.psk_b = "another key for the two of them..";
  } else {
    lab.ufrags = {"cccc", "dddd"};
  }
  CHECK(lab.upsert(lab.b) == Upserted::kReplaced);
  CHECK(lab.upsert(lab.a) == Upserted::kReplaced);
  CHECK(lab.a.count<Closed>() + lab.a.count<Failed>() == 0);  // Silently.
  CHECK(lab.a.node->connection_count() == 1);
  REQUIRE(lab.run_until([&] { return lab.a.count<Established>() == 2; }, 2s));
  REQUIRE(lab.run_until([&] { return lab.b.count<Established>() == 2; }, 1s));
  lab.send(lab.a, ipv6_packet(100, 1));
  lab.run_for(100ms);
  CHECK(lab.b.packets.size() == 1);
}

TEST_CASE("another role or another key of the peer replaces the connection") {
  Lab lab;
  lab.introduce();
  auto role = lab.options_for(lab.a);
  role.role = ice::Role::kControlled;
  CHECK(lab.a.node->upsert_connection(lab.now, kPeer, std::move(role)) == Upserted::kReplaced);
  auto key = lab.options_for(lab.a);
  key.role = ice::Role::kControlled;
  key.key.bytes[3] ^= 1;
  const PublicKey other = key.key;
  CHECK(lab.a.node->upsert_connection(lab.now, kPeer, std::move(key)) == Upserted::kReplaced);
  CHECK(lab.a.node->peer_with(other) == kPeer);
  CHECK_FALSE(lab.a.node->peer_with(lab.b.node->public_key()).has_value());
  CHECK(lab.a.node->device().peer_count() == 1);
}

TEST_CASE("a key that is nobody's is refused, and the old connection stays") {
  Lab lab;
  lab.introduce();
  REQUIRE(lab.run_until([&] { return lab.is_established(); }, 2s));
  auto own = lab.options_for(lab.a);
  own.key = lab.a.node->public_key();
  CHECK(lab.a.node->upsert_connection(lab.now, kPeer, std::move(own)) == Upserted::kInvalidKey);
  auto low_order = lab.options_for(lab.a);
  low_order.key = {};
  CHECK(lab.a.node->upsert_connection(lab.now, kPeer, std::move(low_order)) ==
        Upserted::kInvalidKey);
  CHECK(lab.a.node->is_connected(kPeer));
  CHECK(lab.send(lab.a, ipv6_packet(60)).index() == 0);
}

TEST_CASE("a key or credentials that another peer has are refused") {
  Lab lab;
  lab.introduce();
  const PeerId other(43);
  CHECK(lab.a.node->upsert_connection(lab.now, other, lab.options_for(lab.a)) ==
        Upserted::kConflict);
  auto same_credentials = lab.options_for(lab.a);
  same_credentials.key.bytes[0] ^= 1;
  CHECK(lab.a.node->upsert_connection(lab.now, other, std::move(same_credentials)) ==
        Upserted::kConflict);
  CHECK(lab.a.node->connection_count() == 1);
  CHECK(lab.a.node->device().peer_count() == 1);
}

TEST_CASE("connections have a limit, and replacing one at the limit is possible") {
  Lab lab({.node = {.max_connections = 1}});
  lab.introduce();
  auto further = lab.options_for(lab.a);
  further.key.bytes[0] ^= 1;
  further.local = *ice::Credentials::of("eeee", "eeeeeeeeeeeeeeeeeeeeee");
  CHECK(lab.a.node->upsert_connection(lab.now, PeerId(43), std::move(further)) ==
        Upserted::kTooMany);
  lab.psk_a = lab.psk_b = "another key for the two of them..";
  CHECK(lab.upsert(lab.a) == Upserted::kReplaced);
}

TEST_CASE("candidates that come up to five seconds before their connection are kept") {
  struct Row {
    Duration early;
    bool expected;
  };
  const auto row = GENERATE(values<Row>({{1s, true}, {4999ms, true}, {5s, false}}));
  Lab lab;
  lab.list_relays(lab.a);
  lab.run_for(1s);
  const auto candidate = ice::Candidate::remote(ice::CandidateKind::kHost,
                                                *SocketAddress::parse("203.0.113.2:52625"), 77);
  const auto taken_back =
      ice::Candidate::remote(ice::CandidateKind::kHost, *SocketAddress::parse("203.0.113.2:1"), 77);
  lab.a.node->add_remote_candidate(lab.now, kPeer, ice::to_text(candidate, "bbbb"));
  lab.a.node->add_remote_candidate(lab.now, kPeer, ice::to_text(taken_back, "bbbb"));
  lab.a.node->add_remote_candidate(lab.now, kPeer, "candidate:nonsense");
  lab.a.node->remove_remote_candidate(lab.now, kPeer, ice::to_text(taken_back, "bbbb"));
  lab.run_for(row.early);
  REQUIRE(lab.upsert(lab.a) == Upserted::kCreated);
  CAPTURE(to_text(row.early));
  CHECK(lab.a.node->agent(kPeer)->remote_candidates().size() == (row.expected ? 1 : 0));
}

TEST_CASE("an upsert that finds its connection wakes it for another twenty seconds") {
  Lab lab;
  lab.introduce();
  REQUIRE(lab.run_until([&] { return lab.is_established(); }, 2s));
  REQUIRE(lab.run_until([&] { return lab.a.node->state(kPeer) == ConnectionState::kIdle; }, 25s));
  lab.run_for(1s);
  lab.upsert(lab.a);
  CHECK(lab.a.node->state(kPeer) == ConnectionState::kConnected);
  CHECK(lab.a.node->agent(kPeer)->timing() == ice::kClientDefaultTiming);
  lab.run_for(19900ms);
  CHECK(lab.a.node->state(kPeer) == ConnectionState::kConnected);
  lab.run_for(200ms);
  CHECK(lab.a.node->state(kPeer) == ConnectionState::kIdle);
}

}  // namespace
}  // namespace connlib::snownet::node
