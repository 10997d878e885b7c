// The portal of the stories and a peer's end of its channel.
#include "tests/scenarios/portal/scripted_portal.h"

#include <catch2/catch.hpp>

#include "tests/scenarios/peer/portal_link.h"
#include "tests/sim/world.h"

namespace connlib::scenarios {
namespace {

using Json = nlohmann::json;

PublicKey key_of(uint8_t byte) {
  PublicKey key;
  key.bytes.fill(byte);
  return key;
}

// A peer that has nothing but its channel, and keeps what it hears.
class Listener final : public sim::Machine {
 public:
  explicit Listener(sim::MachineId portal) : link(portal) {}
  void handle_datagram(Timestamp, sim::Datagram&) override {}
  void handle_timeout(Timestamp) override {}
  std::optional<sim::Datagram> poll_transmit() override { return std::nullopt; }
  Wakeup poll_timeout() const override { return Wakeup::none(); }
  std::optional<sim::Message> poll_message() override { return link.poll_message(); }
  void handle_message(Timestamp now, sim::MachineId, const std::string& text) override {
    heard.push_back(Json::parse(text));
    heard_at = now;
  }

  const Json& last() const { return heard.back(); }
  std::vector<std::string> relays() const {
    std::vector<std::string> ids;
    for (const Json& each : last().at(last().at("event") == "init" ? "relays" : "connected")) {
      ids.push_back(each.at("id").get<std::string>());
    }
    return ids;
  }

  PortalLink link;
  std::vector<Json> heard;
  Timestamp heard_at;
};

// A portal with three relays, a client and a gateway.
struct Town {
  Town() {
    world.set_signalling({.latency = 50ms});
    portal = world.emplace<ScriptedPortal>(world.add_host("portal"), "portal", {},
                                           world.tracer("portal"), world.now());
    for (const char* name : {"A", "B", "C"}) {
      relays.push_back(sim::add_relay(world, {.name = name}));
      list(relays.size() - 1);
    }
    client = add("client");
    gateway = add("gateway");
    portal->add_gateway("gateway");
    say_hello(client, "client", 1);
    say_hello(gateway, "gateway", 2);
    world.run_for(1s);
  }

  sim::Handle<Listener> add(const char* name) {
    return world.emplace<Listener>(world.add_host(name), name, {}, portal.id);
  }
  void say_hello(const sim::Handle<Listener>& peer, const std::string& id, uint8_t key) {
    world.act(peer, [&](Listener& l, Timestamp) { l.link.open(id, key_of(key)); });
  }
  void say(const sim::Handle<Listener>& peer, const Json& message) {
    world.act(peer, [&](Listener& l, Timestamp) { l.link.say(message); });
  }
  void list(size_t i) {
    world.act(portal, [&](ScriptedPortal& p, Timestamp now) {
      p.list_relay(now, relays[i].name, relays[i]);
    });
  }
  void unlist(size_t i) {
    world.act(portal,
              [&](ScriptedPortal& p, Timestamp now) { p.unlist_relay(now, relays[i].name); });
  }

  sim::World world{5};
  sim::Handle<ScriptedPortal> portal;
  std::vector<sim::VirtualRelay> relays;
  sim::Handle<Listener> client;
  sim::Handle<Listener> gateway;
};

TEST_CASE("portal: hello is answered with two relays and credentials of the peer's own") {
  Town town;
  CHECK(town.client->last().at("event") == "init");
  CHECK(town.client->relays() == std::vector<std::string>{"A", "B"});
  const auto username = town.client->last().at("relays").at(0).at("username");
  CHECK(username != town.gateway->last().at("relays").at(0).at("username"));
  town.say_hello(town.client, "client", 3);  // Another key, other credentials.
  town.world.run_for(1s);
  CHECK(town.client->last().at("relays").at(0).at("username") != username);
}

TEST_CASE("portal: a presence follows a second after the last change, and only if it concerns") {
  Town town;
  const size_t heard = town.client->heard.size();
  town.unlist(2);  // Nobody was told of C.
  town.world.run_for(5s);
  CHECK(town.client->heard.size() == heard);
  town.list(2);
  town.unlist(0);
  town.world.run_for(900ms);
  town.unlist(1);
  const Timestamp changed_at = town.world.now();
  town.world.run_for(5s);
  REQUIRE(town.client->heard.size() == heard + 1);
  CHECK(town.client->heard_at == changed_at + kPresenceDebounce + 50ms);
  CHECK(town.client->last().at("disconnected_ids") == Json({"A", "B"}));
  CHECK(town.client->relays() == std::vector<std::string>{"C"});
}

TEST_CASE("portal: a relay that is back within the second causes no message") {
  Town town;
  const size_t heard = town.client->heard.size();
  town.unlist(0);
  town.world.run_for(500ms);
  town.list(0);
  town.world.run_for(5s);
  CHECK(town.client->heard.size() == heard);
}

TEST_CASE("portal: the gateway is ready before the client hears of it") {
  Town town;
  town.say(town.client,
           {{"event", "request_authorization"}, {"connected_gateway_ids", Json::array()}});
  town.world.run_for(1s);
  CHECK(town.client->last().at("event") == "init");
  const Json asked = town.gateway->last();
  REQUIRE(asked.at("event") == "create_authorization");
  town.say(town.gateway, {{"event", "authorization_created"}, {"ref", asked.at("ref")}});
  town.world.run_for(1s);
  const Json told = town.client->last();
  REQUIRE(told.at("event") == "authorization_created");
  CHECK(told.at("preshared_key") == asked.at("preshared_key"));
  CHECK(told.at("local") == asked.at("remote"));
  CHECK(told.at("remote") == asked.at("local"));
  CHECK(told.at("local") != told.at("remote"));
}

TEST_CASE("portal: a request that no gateway answers is refused after fifteen seconds") {
  Town town;
  town.say(town.client,
           {{"event", "request_authorization"}, {"connected_gateway_ids", Json::array()}});
  const Timestamp asked_at = town.world.now();
  town.world.run_for(20s);
  CHECK(town.client->last().at("event") == "authorization_creation_failed");
  CHECK(town.client->heard_at == asked_at + kAuthorizationTimeout + 100ms);
}

TEST_CASE("portal: candidates are held while it is away; what was taken back is never told") {
  Town town;
  town.client->link.close();
  town.client->link.add_candidate("gateway", 1, "low");
  town.client->link.add_candidate("gateway", 9, "high");
  town.client->link.add_candidate("gateway", 5, "short-lived");
  town.client->link.remove_candidate("gateway", "short-lived");
  town.client->link.remove_candidate("gateway", "old");
  town.client->link.flush();
  CHECK(town.client->link.held() == 3);
  const size_t heard = town.gateway->heard.size();
  town.world.act(town.client, [](Listener& l, Timestamp) {
    l.link.open("client", key_of(1));
    l.link.flush();
  });
  town.world.run_for(1s);
  CHECK(town.client->link.held() == 0);
  REQUIRE(town.gateway->heard.size() == heard + 2);  // Additions go before removals.
  CHECK(town.gateway->heard[heard].at("candidates") == Json({"high", "low"}));
  CHECK(town.gateway->heard[heard].at("peer") == "client");
  CHECK(town.gateway->heard[heard + 1].at("event") == "invalidate_ice_candidates");
  CHECK(town.gateway->heard[heard + 1].at("candidates") == Json({"old"}));
}

}  // namespace
}  // namespace connlib::scenarios
