#include "shells/wg/engine.h"

#include <cerrno>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/base/bytes.h"
#include "connlib/base/trace.h"
#include "tests/support/packets.h"

namespace connlib::wg {
namespace {

using testing::Bytes;

const Timestamp kStart = Timestamp::from_nanoseconds(7'777'777'777);
const absl::Time kDate = absl::FromUnixSeconds(1'700'000'000);

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }
SocketAddress at(std::string_view text) { return SocketAddress::parse(text).value(); }
IpPrefix prefix(std::string_view text) { return IpPrefix::parse(text).value(); }

KeyBytes key_of(uint8_t seed) {
  KeyBytes key;
  for (uint8_t& byte : key.mutable_bytes()) byte = seed++;
  return key;
}
PublicKey public_key_of(uint8_t seed) { return wireguard::DhKey(key_of(seed)).public_key(); }

// A packet of protocol 253 (experiments), so that nothing merges it.
Bytes packet(std::string_view from, std::string_view to, size_t bytes = 60, uint8_t ecn = 0) {
  const size_t header_bytes = ip(from).is_v4() ? 20 : 40;
  return testing::ip_packet(ip(from), ip(to), 253, Bytes(bytes - header_bytes, 0xab),
                            {.traffic_class = ecn});
}

// Host is one end: an engine, its address, and what it gave to its TUN.
struct Host {
  Host(uint8_t seed, std::string_view address_text)
      : random(seed), address(at(address_text)), engine({}, kStart, kDate, random, null_tracer()) {
    SetRequest request;
    request.private_key = key_of(seed);
    REQUIRE(engine.apply(kStart, request) == 0);
  }
  SeededRandom random;
  SocketAddress address;
  Engine engine;
  std::vector<Bytes> received;
};

// Pair is two hosts that know each other: a holds 10.0.0.1 and fd00::1, b 10.0.0.2 and fd00::2.
// Only a knows b's endpoint.
struct Pair {
  Pair() {
    set_peer(a, 20, {"10.0.0.2/32", "fd00::2/128"}, b.address);
    set_peer(b, 10, {"10.0.0.1/32", "fd00::1/128"}, std::nullopt);
  }
  void set_peer(Host& host, uint8_t seed, std::vector<std::string_view> networks,
                std::optional<SocketAddress> endpoint) const {
    SetRequest request;
    SetPeer& peer = request.peers.emplace_back();
    peer.public_key = public_key_of(seed);
    peer.endpoint = endpoint;
    for (const auto& network : networks) peer.allowed_ips.push_back({prefix(network)});
    REQUIRE(host.engine.apply(now, request) == 0);
  }

  // send() gives a packet to a host's TUN side; true when it was taken at once.
  static bool send(Host& host, Timestamp when, const Bytes& bytes) {
    return host.engine.handle_packet(when, SuperPacket::parse({}, bytes).value()) == 1;
  }

  // run() carries datagrams both ways until nothing moves; returns how many moved.
  size_t run(Ecn mark = Ecn::kNotEct) {
    size_t moved = 0;
    for (int idle = 0; idle < 2;) {
      const size_t n = carry(a, b, mark) + carry(b, a, mark);
      moved += n;
      idle = n == 0 ? idle + 1 : 0;
    }
    return moved;
  }
  size_t carry(Host& from, Host& to, Ecn mark) {
    size_t moved = 0;
    const auto keep = [&](const Coalescer::Group& group) {
      Bytes& whole = to.received.emplace_back();
      for (const auto part : group.parts) whole.insert(whole.end(), part.begin(), part.end());
    };
    for (bool done = false; !done;) {
      done = from.engine.pump(now);
      for (const DatagramRun& run : from.engine.outgoing().ready()) {
        moved += run.segments();
        if (run.remote() != to.address) continue;
        Bytes bytes(run.bytes().begin(), run.bytes().end());
        const Ecn ecn = mark == Ecn::kCe && run.ecn() != Ecn::kNotEct ? mark : run.ecn();
        to.engine.handle_datagrams(now, from.address, ecn, bytes, run.segment_bytes(), keep);
        to.engine.flush_groups(keep);
        last_ecn = run.ecn();
      }
      from.engine.outgoing().drop_front(from.engine.outgoing().ready().size());
    }
    return moved;
  }

  Timestamp now = kStart;
  Host a{10, "192.0.2.1:1000"};
  Host b{20, "198.51.100.2:2000"};
  Ecn last_ecn = Ecn::kNotEct;
};

std::string describe(const Host& host, Timestamp now) {
  std::string out;
  host.engine.describe(now, kDate + absl::Nanoseconds((now - kStart).count()), {}, out);
  return out;
}

}  // namespace

TEST_CASE("the first packet waits for the handshake it causes") {
  Pair pair;
  const Bytes sent = packet("10.0.0.1", "10.0.0.2");
  CHECK(pair.send(pair.a, pair.now, sent));
  CHECK(pair.a.engine.outgoing().empty());
  pair.run();
  REQUIRE(pair.b.received.size() == 1);
  CHECK(pair.b.received[0] == sent);
}

TEST_CASE("packets that waited arrive in order and before later ones") {
  Pair pair;
  for (size_t i = 0; i < 5; ++i)
    pair.send(pair.a, pair.now, packet("10.0.0.1", "10.0.0.2", 60 + i));
  pair.run();
  pair.send(pair.a, pair.now, packet("10.0.0.1", "10.0.0.2", 65));
  pair.run();
  REQUIRE(pair.b.received.size() == 6);
  for (size_t i = 0; i < 6; ++i) CHECK(pair.b.received[i].size() == 60 + i);
}

TEST_CASE("IPv6 packets and answers go through the same tunnel") {
  Pair pair;
  pair.send(pair.a, pair.now, packet("fd00::1", "fd00::2"));
  pair.run();
  REQUIRE(pair.b.received.size() == 1);
  pair.send(pair.b, pair.now, packet("fd00::2", "fd00::1", 99));
  pair.run();
  REQUIRE(pair.a.received.size() == 1);
  CHECK(pair.a.received[0].size() == 99);
}

TEST_CASE("packets that nobody may receive are counted") {
  Pair pair;
  pair.send(pair.a, pair.now, packet("10.0.0.1", "10.0.0.77"));
  CHECK(pair.a.engine.drops().no_route == 1);
  pair.send(pair.b, pair.now, packet("10.0.0.2", "10.0.0.1"));
  CHECK(pair.b.engine.drops().no_endpoint == 1);
  CHECK(pair.run() == 0);
}

TEST_CASE("a peer cannot send from addresses that are not its own") {
  Pair pair;
  pair.send(pair.a, pair.now, packet("10.0.0.99", "10.0.0.2"));
  pair.send(pair.a, pair.now, packet("10.0.0.2", "10.0.0.2"));
  pair.run();
  CHECK(pair.b.received.empty());
  CHECK(pair.b.engine.drops().source_not_allowed == 2);
}

TEST_CASE("replies follow a peer that moved to another address") {
  Pair pair;
  pair.send(pair.a, pair.now, packet("10.0.0.1", "10.0.0.2"));
  pair.run();
  pair.a.address = at("203.0.113.7:7");
  pair.send(pair.a, pair.now, packet("10.0.0.1", "10.0.0.2"));
  pair.run();
  pair.send(pair.b, pair.now, packet("10.0.0.2", "10.0.0.1"));
  pair.run();
  CHECK(pair.a.received.size() == 1);
  CHECK(describe(pair.b, pair.now).find("endpoint=203.0.113.7:7\n") != std::string::npos);
}

TEST_CASE("the inner ECN mark travels outside and congestion comes back in") {
  const char* from = GENERATE("10.0.0.1", "fd00::1");
  const bool is_v4 = ip(from).is_v4();
  const char* to = is_v4 ? "10.0.0.2" : "fd00::2";
  CAPTURE(from);
  Pair pair;
  pair.send(pair.a, pair.now, packet(from, to));
  pair.run();
  pair.b.received.clear();
  pair.send(pair.a, pair.now, packet(from, to, 60, 2));
  pair.run(Ecn::kCe);
  CHECK(pair.last_ecn == Ecn::kEct0);
  REQUIRE(pair.b.received.size() == 1);
  CHECK((is_v4 ? pair.b.received[0][1] & 3 : pair.b.received[0][1] >> 4 & 3) == 3);
}

TEST_CASE("a super-packet larger than the free runs is finished after a flush") {
  Pair pair;
  pair.send(pair.a, pair.now, packet("10.0.0.1", "10.0.0.2"));
  pair.run();
  pair.b.received.clear();
  // Descending sizes, so that each datagram needs a run of its own.
  size_t refused = 0;
  for (size_t i = 0; i < 100; ++i) {
    const Bytes bytes = packet("10.0.0.1", "10.0.0.2", 100 + 32 * i);
    if (!pair.send(pair.a, pair.now, bytes)) {
      ++refused;
      pair.run();
      REQUIRE(pair.send(pair.a, pair.now, bytes));
    }
  }
  pair.run();
  CHECK(refused == 3);
  CHECK(pair.b.received.size() == 100);
}

TEST_CASE("packets for a peer that never answers are given up and counted") {
  Pair pair;
  pair.b.address = at("198.51.100.9:9");  // Nobody there.
  pair.send(pair.a, pair.now, packet("10.0.0.1", "10.0.0.2"));
  pair.run();
  for (Timestamp next; !(next = pair.a.engine.poll_timeout().at).is_never();) {
    pair.now = next;
    pair.run();
  }
  CHECK(pair.now - kStart == 90s);
  CHECK(pair.a.engine.drops().unstaged == 1);
}

TEST_CASE("without a private key nothing leaves and packets wait") {
  Pair pair;
  SetRequest none;
  none.private_key.emplace();
  REQUIRE(pair.a.engine.apply(pair.now, none) == 0);
  pair.send(pair.a, pair.now, packet("10.0.0.1", "10.0.0.2"));
  CHECK(pair.run() == 0);
  CHECK(describe(pair.a, pair.now).find("private_key") == std::string::npos);
}

TEST_CASE("setting the same private key again keeps the session") {
  Pair pair;
  pair.send(pair.a, pair.now, packet("10.0.0.1", "10.0.0.2"));
  pair.run();
  SetRequest same;
  same.private_key = key_of(10);
  REQUIRE(pair.a.engine.apply(pair.now, same) == 0);
  pair.send(pair.a, pair.now, packet("10.0.0.1", "10.0.0.2"));
  CHECK_FALSE(pair.a.engine.outgoing().empty());
}

TEST_CASE("an interface that goes down forgets its sessions and is silent") {
  Pair pair;
  pair.send(pair.a, pair.now, packet("10.0.0.1", "10.0.0.2"));
  pair.run();
  pair.a.engine.set_up(pair.now, false);
  pair.send(pair.a, pair.now, packet("10.0.0.1", "10.0.0.2"));
  pair.send(pair.b, pair.now, packet("10.0.0.2", "10.0.0.1"));
  pair.run();
  CHECK(pair.a.received.empty());
  pair.now += 1s;  // Initiations closer than 20 ms count as a flood.
  pair.a.engine.set_up(pair.now, true);
  pair.send(pair.a, pair.now, packet("10.0.0.1", "10.0.0.2"));
  pair.run();
  CHECK(pair.b.received.size() == 2);
}

TEST_CASE("a persistent keepalive opens the tunnel by itself") {
  Pair pair;
  SetRequest request;
  SetPeer& peer = request.peers.emplace_back();
  peer.public_key = public_key_of(20);
  peer.persistent_keepalive_seconds = 25;
  REQUIRE(pair.a.engine.apply(pair.now, request) == 0);
  CHECK(pair.run() > 0);
  CHECK(describe(pair.a, pair.now).find("persistent_keepalive_interval=25\n") != std::string::npos);
  CHECK(describe(pair.b, pair.now).find("last_handshake_time_sec=1700000000\n") !=
        std::string::npos);
}

TEST_CASE("peers are added, updated, replaced and removed as asked") {
  Pair pair;
  Engine& engine = pair.a.engine;
  const auto apply = [&](auto&& change) {
    SetRequest request;
    change(request, request.peers.emplace_back());
    return engine.apply(pair.now, request);
  };
  CHECK(engine.peer_count() == 1);
  SECTION("update_only does not create") {
    CHECK(apply([](auto&, SetPeer& peer) {
            peer.public_key = public_key_of(30);
            peer.update_only = true;
          }) == 0);
    CHECK(engine.peer_count() == 1);
  }
  SECTION("our own key is ignored") {
    CHECK(apply([](auto&, SetPeer& peer) { peer.public_key = public_key_of(10); }) == 0);
    CHECK(engine.peer_count() == 1);
  }
  SECTION("a low-order key is refused") {
    CHECK(apply([](auto&, SetPeer&) {}) == EINVAL);
    CHECK(engine.peer_count() == 1);
  }
  SECTION("removal takes the routes along") {
    CHECK(apply([](auto&, SetPeer& peer) {
            peer.public_key = public_key_of(20);
            peer.remove = true;
          }) == 0);
    CHECK(engine.peer_count() == 0);
    pair.send(pair.a, pair.now, packet("10.0.0.1", "10.0.0.2"));
    CHECK(engine.drops().no_route == 1);
  }
  SECTION("replacing peers leaves the listed ones") {
    CHECK(apply([](SetRequest& request, SetPeer& peer) {
            request.replace_peers = true;
            peer.public_key = public_key_of(30);
          }) == 0);
    CHECK(engine.peer_count() == 1);
    CHECK(describe(pair.a, pair.now).find("allowed_ip") == std::string::npos);
  }
  SECTION("allowed IPs move to the peer that was given them last") {
    CHECK(apply([](auto&, SetPeer& peer) {
            peer.public_key = public_key_of(30);
            peer.allowed_ips.push_back({prefix("10.0.0.2/32")});
          }) == 0);
    pair.send(pair.a, pair.now, packet("10.0.0.1", "10.0.0.2"));
    CHECK(engine.drops().no_endpoint == 1);
  }
  SECTION("only the owner can give up an allowed IP") {
    CHECK(apply([](auto&, SetPeer& peer) {
            peer.public_key = public_key_of(30);
            peer.allowed_ips.push_back({prefix("10.0.0.2/32"), true});
          }) == 0);
    CHECK(describe(pair.a, pair.now).find("allowed_ip=10.0.0.2/32\n") != std::string::npos);
    CHECK(apply([](auto&, SetPeer& peer) {
            peer.public_key = public_key_of(20);
            peer.allowed_ips.push_back({prefix("10.0.0.2/32"), true});
          }) == 0);
    CHECK(describe(pair.a, pair.now).find("allowed_ip=10.0.0.2/32\n") == std::string::npos);
  }
}

TEST_CASE("garbage from the network is dropped") {
  Pair pair;
  SeededRandom random(3);
  const auto never = [](const Coalescer::Group&) { FAIL("delivered"); };
  for (int i = 0; i < 2000; ++i) {
    Bytes bytes(1 + random.below(300));
    random.fill(bytes);
    if (random.below(2) == 0) bytes[0] = static_cast<uint8_t>(1 + random.below(4));
    if (bytes.size() > 4 && random.below(2) == 0) bytes[1] = bytes[2] = bytes[3] = 0;
    pair.a.engine.handle_datagrams(pair.now, at("203.0.113.1:1"), Ecn::kCe, bytes, random.below(64),
                                   never);
  }
  pair.a.engine.flush_groups(never);
  CHECK(pair.run() == 0);
}

}  // namespace connlib::wg
