#include "snownet/turn/channel_table.h"

#include <catch2/catch.hpp>

#include "tests/support/start_time.h"

namespace connlib::snownet::turn {
namespace {

using connlib::testing::kStart;

SocketAddress peer(uint32_t n) {
  return {Ipv4Address{{198, 51, 100, static_cast<uint8_t>(n)}}, static_cast<uint16_t>(1000 + n)};
}

ChannelNumber bound(ChannelTable& channels, Timestamp now, const SocketAddress& who) {
  const auto number = channels.number_for(now, who);
  REQUIRE(number.has_value());
  channels.handle_bound(now, *number);
  return *number;
}

TEST_CASE("numbers are handed out in order from 0x4000") {
  ChannelTable channels;
  CHECK(channels.number_for(kStart, peer(1)) == ChannelNumber(0x4000));
  CHECK(channels.number_for(kStart, peer(2)) == ChannelNumber(0x4001));
  CHECK(channels.number_for(kStart, peer(1)) == ChannelNumber(0x4000));
}

TEST_CASE("data may follow right behind the bind, but is received on confirmed channels only") {
  ChannelTable channels;
  const ChannelNumber number = *channels.number_for(kStart, peer(1));
  CHECK(channels.route_to(kStart, peer(1)) == number);
  CHECK_FALSE(channels.peer_of(number).has_value());
  channels.handle_bound(kStart + 20ms, number);
  CHECK(channels.peer_of(number) == peer(1));
  CHECK_FALSE(channels.peer_of(ChannelNumber(0x4001)).has_value());
  CHECK_FALSE(channels.peer_of(ChannelNumber(0x5000)).has_value());
  CHECK_FALSE(channels.peer_of(ChannelNumber(0x0001)).has_value());
}

TEST_CASE("a binding carries data for ten minutes") {
  ChannelTable channels;
  const ChannelNumber number = bound(channels, kStart, peer(1));
  CHECK(channels.route_to(kStart + 10min - 1ns, peer(1)) == number);
  CHECK_FALSE(channels.route_to(kStart + 10min, peer(1)).has_value());
}

TEST_CASE("a peer keeps its number while the relay reserves it, and no other peer gets it") {
  ChannelTable channels;
  const ChannelNumber number = bound(channels, kStart, peer(1));
  auto [after, expect_same] = GENERATE(table<Duration, bool>(
      {{1min, true}, {12min, true}, {15min - 1ns, true}, {15min, false}, {20min, false}}));
  CAPTURE(after);
  CHECK((channels.number_for(kStart + after, peer(1)) == number) == expect_same);
}

TEST_CASE("unused numbers are preferred over recycled ones") {
  ChannelTable channels;
  bound(channels, kStart, peer(1));
  CHECK(channels.number_for(kStart + 1h, peer(2)) == ChannelNumber(0x4001));
}

TEST_CASE("when all numbers were used, only one that lies idle since fifteen minutes comes back") {
  ChannelTable channels;
  for (uint32_t i = 0; i < 4096; ++i) {
    const SocketAddress who{Ipv4Address{{198, 51, 100, 1}}, static_cast<uint16_t>(1 + i)};
    REQUIRE(channels.number_for(kStart, who).has_value());
    channels.handle_bound(kStart, ChannelNumber(static_cast<uint16_t>(0x4000 + i)));
  }
  CHECK_FALSE(channels.number_for(kStart + 15min - 1ns, peer(9)).has_value());
  CHECK(channels.peer_of(ChannelNumber(0x4000)).has_value());  // Used: still somebody's.
  CHECK(channels.number_for(kStart + 15min, peer(9)) == ChannelNumber(0x4001));
  CHECK(channels.size() == 4096);
}

TEST_CASE("a binding in use is renewed half way, an idle one lapses") {
  ChannelTable channels;
  const ChannelNumber number = bound(channels, kStart, peer(1));
  CHECK(channels.next_refresh_at().is_never());
  SECTION("sending counts as use") { channels.route_to(kStart + 1min, peer(1)); }
  SECTION("receiving counts as use") { channels.peer_of(number); }
  CHECK(channels.next_refresh_at() == kStart + 5min);
  CHECK_FALSE(channels.take_refresh(kStart + 5min - 1ns).has_value());
  const auto refresh = channels.take_refresh(kStart + 5min);
  REQUIRE(refresh.has_value());
  CHECK(refresh->number == number);
  CHECK(refresh->peer == peer(1));
  CHECK_FALSE(channels.take_refresh(kStart + 6min).has_value());  // It is on its way.
  channels.handle_bound(kStart + 5min, number);
  CHECK(channels.next_refresh_at().is_never());
}

TEST_CASE("a refused binding leaves no trace") {
  ChannelTable channels;
  const ChannelNumber number = bound(channels, kStart, peer(1));
  channels.remove(number);
  channels.remove(ChannelNumber(0x4fff));
  CHECK_FALSE(channels.is_bound(kStart, peer(1)));
  CHECK_FALSE(channels.peer_of(number).has_value());
  CHECK(channels.size() == 0);
}

TEST_CASE("clearing forgets bindings, but not which number is next") {
  ChannelTable channels;
  bound(channels, kStart, peer(1));
  channels.number_for(kStart, peer(2));
  CHECK(channels.peers() == std::vector<SocketAddress>{peer(1), peer(2)});
  channels.clear();
  CHECK(channels.peers().empty());
  CHECK(channels.next_refresh_at().is_never());
  CHECK(channels.number_for(kStart, peer(3)) == ChannelNumber(0x4002));
}

}  // namespace
}  // namespace connlib::snownet::turn
