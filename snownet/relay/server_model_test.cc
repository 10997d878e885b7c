// Random operations against a slow, obvious model: every lookup must agree after every step.
#include <map>

#include <catch2/catch.hpp>

#include "snownet/relay/test_relay.h"

namespace connlib::snownet::relay::testing {
namespace {

constexpr uint32_t kClients = 6;
constexpr uint16_t kNumbers = 4;
constexpr uint16_t kPeers = 4;

// The rules of the specification, written down as lists.
struct Model {
  struct Channel {
    uint16_t number;
    SocketAddress peer;
    Timestamp expires_at;
    bool is_bound(Timestamp now) const { return now < expires_at; }
    bool is_reserved(Timestamp now) const { return now < expires_at + 300s; }
  };
  struct Allocation {
    uint16_t port;
    bool has_v6;
    Timestamp expires_at;
    Timestamp made_at;
    uint64_t order;
    std::vector<Channel> channels;
  };

  void expire(Timestamp now) {
    std::erase_if(allocations, [&](const auto& entry) { return entry.second.expires_at <= now; });
    for (auto& [client, allocation] : allocations) {
      std::erase_if(allocation.channels, [&](const Channel& c) { return !c.is_reserved(now); });
    }
  }
  int bind(uint32_t client, uint16_t number, const SocketAddress& peer, Timestamp now) {
    const auto it = allocations.find(client);
    if (it == allocations.end()) return 437;
    if (peer.ip.is_v6() && !it->second.has_v6) return 443;
    for (Channel& channel : it->second.channels) {
      if (channel.number == number && channel.peer == peer) {
        channel.expires_at = now + 600s;
        return 0;
      }
    }
    for (const Channel& channel : it->second.channels) {
      if (channel.number == number || channel.peer == peer) return 400;
    }
    it->second.channels.push_back({number, peer, now + 600s});
    return 0;
  }

  std::map<uint32_t, Allocation> allocations;
  uint64_t orders = 0;
};

SocketAddress client_address(uint32_t client) {
  return {kAlice.ip, static_cast<uint16_t>(40000 + client)};
}
SocketAddress peer_address(uint64_t peer) {
  const auto port = static_cast<uint16_t>(7000 + peer);
  return peer % 2 == 0 ? SocketAddress{kPeer.ip, port} : SocketAddress{kPeer6.ip, port};
}
// Three clients share one name, of which two may have allocations.
std::string user_of(uint32_t client) { return client < 3 ? "shared" : std::to_string(client); }

class Run {
 public:
  explicit Run(uint64_t seed) : relay_(options(), seed), random_(seed) {
    for (uint32_t i = 0; i < kClients; ++i) {
      clients_.emplace_back(relay_, client_address(i), user_of(i), kDate + absl::Hours(24 * 365));
    }
  }
  void step() {
    const auto client = static_cast<uint32_t>(random_.below(kClients));
    switch (random_.below(8)) {
      case 0:
      case 1:
        allocate(client);
        break;
      case 2:
        refresh(client);
        break;
      case 3:
        advance();
        break;
      default:
        bind(client);
    }
    compare();
  }

 private:
  static ServerOptions options() {
    ServerOptions out = dual_stack();
    out.lowest_port = 50000;
    out.highest_port = 50004;
    out.limits.allocations_per_user = 2;
    out.limits.unauthenticated_reply_burst = 1'000'000;
    return out;
  }

  void allocate(uint32_t client) {
    const bool dual = random_.below(2) == 0;
    relay_.taken.clear();
    if (random_.below(3) == 0) relay_.taken.insert(uint16_t(50000 + random_.below(5)));
    const auto reply = dual ? clients_[client].allocate_dual() : clients_[client].allocate();
    if (model_.allocations.contains(client)) {
      REQUIRE(reply->code() == 437);
      return;
    }
    if (reply->code() == 508) {
      // All ports are taken, but for one that would not open.
      REQUIRE(model_.allocations.size() + relay_.taken.size() >= 5);
      if (model_.allocations.size() < 5) evict_for(client);
      return;
    }
    REQUIRE(reply->code() == 0);
    evict_for(client);
    model_.allocations[client] = {relayed_port(*reply), dual, relay_.now + 600s, relay_.now,
                                  model_.orders++,      {}};
  }
  // The oldest allocation of the same user makes room.
  void evict_for(uint32_t client) {
    std::vector<uint32_t> same;
    for (const auto& [other, allocation] : model_.allocations) {
      if (user_of(other) == user_of(client)) same.push_back(other);
    }
    if (same.size() < 2) return;
    std::sort(same.begin(), same.end(), [&](uint32_t a, uint32_t b) {
      return model_.allocations[a].order < model_.allocations[b].order;
    });
    model_.allocations.erase(same[0]);
  }
  void refresh(uint32_t client) {
    const int seconds = random_.below(3) == 0 ? 0 : static_cast<int>(random_.below(4000));
    const auto reply = clients_[client].refresh(seconds);
    const auto it = model_.allocations.find(client);
    REQUIRE(reply->code() == (it == model_.allocations.end() ? 437 : 0));
    if (it == model_.allocations.end()) return;
    if (seconds == 0) {
      model_.allocations.erase(it);
    } else {
      it->second.expires_at = relay_.now + std::chrono::seconds(std::min(seconds, 3600));
    }
  }
  void advance() {
    const Duration by = std::chrono::seconds(random_.below(random_.below(2) == 0 ? 60 : 500));
    if (random_.below(2) == 0) {
      relay_.advance(by);
    } else {
      relay_.now += by;  // Nobody calls handle_timeout(): it must not matter.
    }
    model_.expire(relay_.now);
  }
  void bind(uint32_t client) {
    const auto number = static_cast<uint16_t>(0x4000 + random_.below(kNumbers));
    const SocketAddress peer = peer_address(random_.below(kPeers));
    const auto reply = clients_[client].bind(number, peer);
    REQUIRE(reply->code() == model_.bind(client, number, peer, relay_.now));
  }

  void compare() {
    REQUIRE(relay_.server.is_consistent());
    for (uint32_t client = 0; client < kClients; ++client) compare(client);
    relay_.server.handle_timeout(relay_.now);
    relay_.drain();
    REQUIRE(relay_.server.allocation_count() == model_.allocations.size());
    REQUIRE(relay_.server.free_port_count() == 5 - model_.allocations.size());
    std::set<uint16_t> ports;
    std::set<Binding> bindings;
    Timestamp next = Timestamp::never();
    for (const auto& [client, allocation] : model_.allocations) {
      ports.insert(allocation.port);
      next = std::min(next, allocation.expires_at);
      for (const auto& channel : allocation.channels) {
        const bool is_bound = channel.is_bound(relay_.now);
        next = std::min(next, is_bound ? channel.expires_at : channel.expires_at + 300s);
        if (!is_bound) continue;
        bindings.insert({client_address(client), stun::ChannelNumber(channel.number), channel.peer,
                         allocation.port});
      }
    }
    REQUIRE(relay_.ports == ports);
    REQUIRE(relay_.bindings == bindings);
    REQUIRE(relay_.server.channel_count() == bindings.size());
    REQUIRE(relay_.server.poll_timeout().at == next);
  }
  void compare(uint32_t client) {
    const auto it = model_.allocations.find(client);
    const bool exists = it != model_.allocations.end();
    for (uint16_t i = 0; i < kNumbers; ++i) {
      const auto number = static_cast<uint16_t>(0x4000 + i);
      const Model::Channel* expected = nullptr;
      for (const auto& channel : exists ? it->second.channels : std::vector<Model::Channel>()) {
        if (channel.number == number && channel.is_bound(relay_.now)) {
          expected = &*std::find_if(it->second.channels.begin(), it->second.channels.end(),
                                    [&](const auto& c) { return c.number == number; });
        }
      }
      const auto out = relay_.to_peer(client_address(client), number, {});
      REQUIRE(out.has_value() == (expected != nullptr));
      if (expected == nullptr) continue;
      REQUIRE(out->peer == expected->peer);
      REQUIRE(out->port == it->second.port);
      const auto back = relay_.to_client(it->second.port, expected->peer, {});
      REQUIRE(back.has_value());
      REQUIRE(back->client == client_address(client));
      REQUIRE(back->channel.value() == number);
    }
    if (!exists) return;
    for (uint16_t p = 0; p < kPeers; ++p) {
      const SocketAddress peer = peer_address(p);
      const bool expected =
          std::any_of(it->second.channels.begin(), it->second.channels.end(),
                      [&](const auto& c) { return c.peer == peer && c.is_bound(relay_.now); });
      REQUIRE(relay_.to_client(it->second.port, peer, {}).has_value() == expected);
    }
  }

  TestRelay relay_;
  SeededRandom random_;
  std::vector<TestClient> clients_;
  Model model_;
};

TEST_CASE("after any operations all lookups agree with a list of allocations and channels") {
  const uint64_t seed = GENERATE(range(uint64_t{1}, uint64_t{13}));
  CAPTURE(seed);
  Run run(seed);
  for (int step = 0; step < 600; ++step) {
    CAPTURE(step);
    run.step();
  }
}

TEST_CASE("the same seed and the same requests give the same bytes") {
  const auto bytes = [](uint64_t seed) {
    TestRelay relay(dual_stack(), seed);
    std::vector<uint8_t> out;
    for (uint16_t i = 0; i < 20; ++i) {
      TestClient client(relay, {kAlice.ip, static_cast<uint16_t>(100 + i)}, std::to_string(i));
      const auto reply = client.allocate_dual();
      out.insert(out.end(), reply->response.bytes().begin(), reply->response.bytes().end());
    }
    return out;
  };
  CHECK(bytes(1) == bytes(1));
  CHECK(bytes(1) != bytes(2));
}

}  // namespace
}  // namespace connlib::snownet::relay::testing
