#include "connlib/portal/portal_channel.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/support/start_time.h"

namespace connlib::portal {
namespace {

using testing::kStart;

std::vector<std::string> frames(PortalChannel& channel) {
  std::vector<std::string> out;
  while (auto frame = channel.poll_transmit()) out.push_back(*std::move(frame));
  return out;
}

TEST_CASE("heartbeats are answered before the join, messages are not taken") {
  PortalChannel channel(Role::kClient, kStart);
  channel.handle_text(kStart, write_peer_frame("phoenix", "heartbeat", "{}", 0));
  channel.handle_text(kStart, write_peer_frame("client", "no_relays", "{}", 1));
  CHECK(frames(channel) ==
        std::vector<std::string>{write_ok_reply("phoenix", 0),
                                 write_error_reply("client", 1, "unmatched topic")});
  CHECK_FALSE(channel.poll_event().has_value());
}

TEST_CASE("a joined peer's messages reach the owner, those of other topics do not") {
  PortalChannel channel(Role::kGateway, kStart);
  channel.handle_text(kStart, write_peer_frame("gateway", "phx_join", "null", 0));
  const auto asked = channel.poll_event();
  REQUIRE(asked.has_value());
  REQUIRE(std::holds_alternative<PortalChannel::JoinAsked>(*asked));
  channel.push(kStart, {"init", "{}"});  // Nobody joined yet.
  channel.accept_join(kStart, std::get<PortalChannel::JoinAsked>(*asked).frame.ref);
  channel.push(kStart, {"init", "{}"});
  CHECK(frames(channel) == std::vector<std::string>{write_ok_reply("gateway", 0),
                                                    write_push("gateway", "init", "{}")});

  channel.handle_text(kStart, write_peer_frame("client", "no_relays", "{}", 1));
  CHECK(frames(channel) ==
        std::vector<std::string>{write_error_reply("client", 1, "unmatched topic")});
  CHECK_FALSE(channel.poll_event().has_value());

  channel.handle_text(kStart, write_peer_frame("gateway", "no_relays", "{}", 2));
  const auto received = channel.poll_event();
  REQUIRE(received.has_value());
  CHECK(std::get<PortalChannel::Received>(*received).frame.event == "no_relays");
}

TEST_CASE("what is no frame is counted and costs nothing else") {
  PortalChannel channel(Role::kClient, kStart);
  channel.handle_text(kStart, "{");
  channel.handle_text(kStart, R"({"topic":"client"})");
  CHECK(channel.drops(FrameDrop::kNotJson) == 1);
  CHECK(channel.drops(FrameDrop::kNoEnvelope) == 1);
  CHECK_FALSE(channel.is_closed());
  CHECK(frames(channel).empty());
}

TEST_CASE("a peer that fell silent is closed, relays a little later") {
  const auto [role, patience] = GENERATE(
      table<Role, Duration>({{Role::kClient, 37s}, {Role::kGateway, 37s}, {Role::kRelay, 41s}}));
  PortalChannel channel(role, kStart);
  channel.handle_text(kStart + 10s, write_peer_frame("phoenix", "heartbeat", "{}", 0));
  frames(channel);
  CHECK(channel.poll_timeout().at == kStart + 10s + patience);
  channel.handle_timeout(kStart + 10s + patience - 1ms);
  CHECK_FALSE(channel.is_closed());
  channel.handle_timeout(kStart + 10s + patience);
  CHECK(channel.poll_close() == kCloseProtocolError);
  CHECK(channel.poll_close() == std::nullopt);
  CHECK(channel.poll_timeout().at.is_never());
}

TEST_CASE("a disconnected peer is told why before the socket closes") {
  PortalChannel channel(Role::kClient, kStart);
  channel.disconnect(kStart);
  channel.reply_ok(kStart, 9);
  CHECK(channel.poll_close() == std::nullopt);
  CHECK(frames(channel) == std::vector<std::string>{
                               write_push("client", "disconnect", R"({"reason":"token_expired"})"),
                               write_push("client", "phx_close", "{}")});
  CHECK(channel.poll_close() == kCloseNormal);
}

TEST_CASE("a peer that does not read loses its connection, not our memory") {
  PortalChannel channel(Role::kClient, kStart);
  for (size_t i = 0; i < 2 * kMaxUnsentFrames; ++i) {
    channel.handle_text(kStart, write_peer_frame("phoenix", "heartbeat", "{}", i));
  }
  CHECK(channel.is_closed());
  CHECK(frames(channel).empty());
  CHECK(channel.poll_close() == kCloseServiceRestart);
}

TEST_CASE("large messages that are not read cost the connection before they cost memory") {
  PortalChannel channel(Role::kClient, kStart);
  channel.handle_text(kStart, write_peer_frame("client", "phx_join", "null", 0));
  channel.accept_join(kStart, 0);
  const std::string large = '"' + std::string(kMaxUnsentBytes / 2, 'x') + '"';
  channel.push(kStart, {"init", large});
  frames(channel);  // It has been read.
  channel.push(kStart, {"init", large});
  CHECK_FALSE(channel.is_closed());
  channel.push(kStart, {"init", large});
  CHECK(channel.is_closed());
  CHECK(frames(channel).empty());
  CHECK(channel.poll_close() == kCloseServiceRestart);
}

}  // namespace
}  // namespace connlib::portal
