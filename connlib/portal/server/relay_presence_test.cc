#include "connlib/portal/server/relay_presence.h"

#include <string>

#include <catch2/catch.hpp>

#include "tests/support/start_time.h"

namespace connlib::portal::server {
namespace {

using testing::kStart;

Login::RelayAddress at(uint8_t host) {
  Login::RelayAddress out;
  out.ipv4 = Ipv4Address{{203, 0, 113, host}};
  return out;
}

RelayUser client() {
  RelayUser out;
  out.public_key.bytes.fill(0x11);
  out.expires_at = absl::FromUnixSeconds(1790000000);
  return out;
}

struct World {
  SeededRandom random{7};
  RelayPresence presence{random};
  RelayMemory memory{};

  RelayId add(Timestamp now, const std::string& secret, uint8_t host = 1) {
    return *presence.add(now, SecretText(secret), at(host));
  }
  std::vector<RelayId> pick() {
    std::vector<RelayId> out;
    for (const auto& relay : presence.pick(memory, client())) out.push_back(relay.id);
    return out;
  }
  std::optional<RelaysPresence> news() { return presence.news_for(memory, client()); }
};

TEST_CASE("a relay is described with the id and credentials of the reference portal") {
  World world;
  std::string secret;
  for (int i = 0; i < 32; ++i) secret += "5e";
  CHECK(world.add(kStart, secret, 101).value() == "8414cd6b-08e9-4be7-b341-32d9f8fabaa0");
  const auto relays = world.presence.pick(world.memory, client());
  REQUIRE(relays.size() == 1);
  CHECK(relays[0].username == "1790000000:ere2wNxV6z0pAq/TdtkWogiV0dkSP6SnoZV07AUQzxo");
  CHECK(relays[0].password.reveal() == "2YiPKOmmbQ+T3wbifdha9P/yM3OoIRVfsn6QEb48c1c");
  CHECK(relays[0].v4 == SocketAddress::parse("203.0.113.101:3478"));
  CHECK_FALSE(relays[0].v6.has_value());
}

TEST_CASE("news wait until presence was quiet for a second, and every change starts anew") {
  World world;
  CHECK(world.presence.poll_timeout().at.is_never());
  world.add(kStart, "a");
  world.add(kStart + 900ms, "b");
  CHECK(world.presence.poll_timeout().at == kStart + 1900ms);
  CHECK_FALSE(world.presence.take_quiet(kStart + 1899ms));
  CHECK(world.presence.take_quiet(kStart + 1900ms));
  CHECK_FALSE(world.presence.take_quiet(kStart + 60s));
  CHECK(world.presence.poll_timeout().at.is_never());
}

TEST_CASE("a relay that never comes to rest cannot keep news from everybody") {
  World world;
  Timestamp now = kStart;
  for (int i = 0; i < 20; ++i, now += 900ms) world.add(now, std::to_string(i));
  CHECK(world.presence.poll_timeout().at == kStart + 10s);
}

TEST_CASE("a peer gets two relays, and is told of a third only when it loses one") {
  World world;
  const RelayId a = world.add(kStart, "a");
  const RelayId b = world.add(kStart, "b");
  CHECK(world.pick().size() == 2);
  const RelayId c = world.add(kStart, "c");
  CHECK_FALSE(world.news().has_value());
  world.presence.remove(kStart, b);
  const auto news = world.news();
  REQUIRE(news.has_value());
  CHECK(news->disconnected_ids == std::vector{b});
  REQUIRE(news->connected.size() == 2);
  CHECK(news->connected[0].id == a);  // What works stays.
  CHECK(news->connected[1].id == c);
  CHECK_FALSE(world.news().has_value());
}

TEST_CASE("a peer with less than two is told of the next") {
  World world;
  CHECK(world.pick().empty());
  const RelayId a = world.add(kStart, "a");
  auto news = world.news();
  REQUIRE(news.has_value());
  CHECK(news->disconnected_ids.empty());
  CHECK(news->connected.at(0).id == a);
  world.add(kStart, "b");
  news = world.news();
  REQUIRE(news.has_value());
  CHECK(news->connected.size() == 2);
}

TEST_CASE("a relay that flaps within the quiet period is no news") {
  World world;
  const RelayId a = world.add(kStart, "a");
  world.pick();
  world.presence.remove(kStart, a);
  CHECK(world.add(kStart, "a") == a);
  CHECK_FALSE(world.news().has_value());
  world.presence.remove(kStart, a);
  world.add(kStart, "a", 2);  // It has another address: that is.
  const auto news = world.news();
  REQUIRE(news.has_value());
  CHECK(news->disconnected_ids.empty());
  CHECK(news->connected.at(0).v4 == SocketAddress::parse("203.0.113.2:3478"));
}

TEST_CASE("a restarted relay is another one") {
  World world;
  const RelayId before = world.add(kStart, "a");
  world.pick();
  world.presence.remove(kStart, before);
  const RelayId after = world.add(kStart, "a, restarted");
  const auto news = world.news();
  REQUIRE(news.has_value());
  CHECK(news->disconnected_ids == std::vector{before});
  CHECK(news->connected.at(0).id == after);
}

TEST_CASE("a peer that joined after the change has heard it with its init") {
  World world;
  world.add(kStart, "a");
  world.pick();
  CHECK_FALSE(world.news().has_value());
}

TEST_CASE("a relay without a secret, or beyond the limit, is not registered") {
  World world;
  CHECK_FALSE(world.presence.add(kStart, SecretText(), at(1)).has_value());
  const std::string endless(kMaxStampSecretCharacters + 1, 'x');
  CHECK_FALSE(world.presence.add(kStart, SecretText(endless), at(1)).has_value());
  for (size_t i = 0; i < kMaxRelays; ++i) world.add(kStart, std::to_string(i));
  CHECK_FALSE(world.presence.add(kStart, SecretText("more"), at(1)).has_value());
  CHECK(world.presence.add(kStart, SecretText("0"), at(2)).has_value());
}

}  // namespace
}  // namespace connlib::portal::server
