// Both ends of a channel, talking to each other.
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/portal/candidate_outbox.h"
#include "connlib/portal/client_channel.h"
#include "connlib/portal/gateway_channel.h"
#include "connlib/portal/portal_channel.h"
#include "tests/support/start_time.h"

namespace connlib::portal {
namespace {

using testing::kStart;

Login login() {
  Login out;
  out.url = PortalUrl::parse("ws://localhost:8081").value();
  out.external_id = "device";
  out.name = "device";
  out.token = SecretText("secret");
  return out;
}

// A peer and a portal that lets it in; `is_reachable` is the network between them.
template <typename Channel, Role kRole>
struct Line {
  Line()
      : peer(login(), PublicKey{}, std::nullopt, random, null_tracer(), kStart,
             absl::FromUnixSeconds(1789898400)) {}

  void settle() {
    bool is_quiet = false;
    while (!is_quiet) {
      is_quiet = true;
      while (const auto command = peer.poll_command()) {
        is_quiet = false;
        if (const auto* dial = std::get_if<Dial>(&*command)) connect(dial->socket);
      }
      while (const auto frame = peer.poll_transmit()) {
        is_quiet = false;
        if (portal) portal->handle_text(now, *frame);
      }
      while (const auto event = portal ? portal->poll_event() : std::nullopt) answer(*event);
      while (const auto frame = portal ? portal->poll_transmit() : std::nullopt) {
        is_quiet = false;
        peer.handle_text(now, socket, *frame);
      }
      while (auto event = peer.poll_event()) {
        if (std::holds_alternative<Joined>(*event)) ++joins;
        if (auto* lost = std::get_if<Lost>(&*event)) retry_at = lost->retry_at;
        if (std::holds_alternative<Ended>(*event)) has_ended = true;
        if (auto* message = std::get_if<typename Channel::In>(&*event)) {
          received.push_back(std::move(*message));
        }
      }
    }
    REQUIRE(peer.poll_timeout().at > now);
  }
  void connect(SocketId dialled) {
    socket = dialled;
    if (!is_reachable) return peer.handle_closed(now, socket);
    portal.emplace(kRole, now);
    peer.handle_upgraded(now, socket);
  }
  void answer(const PortalChannel::Event& event) {
    if (const auto* asked = std::get_if<PortalChannel::JoinAsked>(&event)) {
      return portal->accept_join(now, asked->frame.ref);
    }
    const PeerFrame& frame = std::get<PortalChannel::Received>(event).frame;
    heard.push_back(frame.event);
  }
  void cut() {
    portal.reset();
    peer.handle_closed(now, socket);
    settle();
  }
  void wait_for_retry() {
    now = retry_at;
    peer.handle_timeout(now);
    settle();
  }

  SeededRandom random{5};
  Timestamp now = kStart;
  Channel peer;
  std::optional<PortalChannel> portal;
  SocketId socket;
  bool is_reachable = true;
  bool has_ended = false;
  int joins = 0;
  Timestamp retry_at;
  std::vector<std::string> heard;
  std::vector<typename Channel::In> received;
};
using ClientLine = Line<ClientChannel, Role::kClient>;
using GatewayLine = Line<GatewayChannel, Role::kGateway>;

TEST_CASE("a client joins, says what it can do first, and hears what it may reach") {
  ClientLine line;
  line.settle();
  CHECK(line.joins == 1);
  CHECK(line.heard == std::vector<std::string>{"set_snownet_capabilities"});
  line.portal->push(
      line.now,
      encode(ToClient(ResourceDeleted{ResourceId("a4c1d2e3-0b9a-4f7e-8c55-3d2e1f0a9b04")})));
  line.portal->push(line.now, {"from_the_future", "{}"});
  line.portal->push(line.now, {"init", "{}"});
  line.settle();
  REQUIRE(line.received.size() == 1);
  CHECK(std::holds_alternative<ResourceDeleted>(line.received[0]));
  CHECK(line.peer.drops(FrameDrop::kUnknownEvent) == 1);
  CHECK(line.peer.drops(FrameDrop::kBadPayload) == 1);
}

TEST_CASE("candidates found while the portal was away are told when it is back, nothing else is") {
  const ClientId client("8f2c1f6e-5a0b-4c53-9d3e-0c7a6a3e1b01");
  GatewayLine line;
  CandidateOutbox<ClientId> candidates(8);
  const auto tell = [&] {
    candidates.handle_portal(line.peer.is_joined());
    while (auto batch = candidates.poll()) {
      BroadcastCandidates message{batch->change, {batch->peer}, {}};
      for (const std::string& text : batch->candidates) {
        message.candidates.push_back(CandidateLine::parse(text).value());
      }
      CHECK(line.peer.send(line.now, std::move(message)));
    }
    line.settle();
  };
  line.settle();
  line.is_reachable = false;
  line.cut();
  line.heard.clear();
  CHECK_FALSE(line.peer.send(line.now, NoRelays()));
  candidates.add(client, "candidate:1 1 udp 7 192.0.2.1 5000 typ host", 7);
  candidates.remove(client, "candidate:1 1 udp 9 192.0.2.9 5000 typ host");
  tell();
  CHECK(line.heard.empty());
  line.wait_for_retry();
  line.is_reachable = true;
  line.wait_for_retry();
  tell();
  CHECK(line.joins == 2);
  CHECK(line.heard == std::vector<std::string>{"set_snownet_capabilities",
                                               "broadcast_ice_candidates",
                                               "broadcast_invalidated_ice_candidates"});
}

TEST_CASE("a session that expires ends; the last words arrive before the socket closes") {
  ClientLine line;
  line.settle();
  line.portal->disconnect(line.now);
  line.settle();
  CHECK(line.has_ended);
  CHECK(line.portal->poll_close() == kCloseNormal);
}

TEST_CASE("an hour of silence is no reason to part, and a cut line is mended") {
  ClientLine line;
  line.settle();
  while (line.now < kStart + 1h) {
    line.now = std::min(line.peer.poll_timeout().at, line.portal->poll_timeout().at);
    line.portal->handle_timeout(line.now);
    line.peer.handle_timeout(line.now);
    line.settle();
  }
  CHECK(line.joins == 1);
  CHECK_FALSE(line.portal->is_closed());
  line.cut();
  line.wait_for_retry();
  CHECK(line.joins == 2);
}

TEST_CASE("a client that renewed its key reconnects with the new one, at once") {
  ClientLine line;
  line.settle();
  PublicKey key;
  key.bytes.fill(0x11);
  line.peer.reconnect(line.now, key);
  CHECK(line.peer.connect_request().target.find("public_key=ERERERER") != std::string::npos);
  line.settle();
  CHECK(line.joins == 2);
}

}  // namespace
}  // namespace connlib::portal
