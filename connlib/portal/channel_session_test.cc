#include "connlib/portal/channel_session.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/support/start_time.h"

namespace connlib::portal {
namespace {

using testing::kStart;

// A session and the hands of a shell: what it asks of the socket is kept for the test to see.
struct Shell {
  explicit Shell(std::optional<Duration> max_partition = std::nullopt)
      : session({.topic = "client", .max_partition = max_partition}, random, null_tracer(), kStart,
                absl::FromUnixSeconds(1789898400)) {
    collect();
  }

  void collect() {
    while (auto command = session.poll_command()) {
      if (const auto* dial = std::get_if<Dial>(&*command)) {
        socket = dial->socket;
        ++dials;
      } else {
        closed = std::get<CloseSocket>(*command);
      }
    }
    while (auto frame = session.poll_transmit()) sent.push_back(*std::move(frame));
    while (auto event = session.poll_event()) {
      if (std::holds_alternative<Joined>(*event)) ++joins;
      if (auto* now_lost = std::get_if<Lost>(&*event)) lost = *now_lost;
      if (auto* now_ended = std::get_if<Ended>(&*event)) ended = *now_ended;
      if (auto* push = std::get_if<Push>(&*event)) pushed.push_back(push->event);
    }
  }
  void hear(const std::string& text) {
    session.handle_text(now, socket, text);
    collect();
  }
  void refuse(int status, std::optional<std::string> retry_after = std::nullopt) {
    session.handle_refused(now, socket, {status, "", std::move(retry_after), ""});
    collect();
  }
  // Runs timers until `until`, as a shell that is never late.
  void run(Duration span) {
    const Timestamp until = now + span;
    while (session.poll_timeout().at <= until) {
      now = session.poll_timeout().at;
      session.handle_timeout(now);
      collect();
      REQUIRE(session.poll_timeout().at > now);
    }
    now = until;
  }
  void upgrade() {
    session.handle_upgraded(now, socket);
    collect();
  }
  void join() {
    upgrade();
    hear(write_ok_reply("client", 0));
    REQUIRE(session.is_joined());
    sent.clear();
  }
  void redial() {
    REQUIRE(lost.has_value());
    run(lost->retry_at - now);
  }

  SeededRandom random{1};
  Timestamp now = kStart;
  ChannelSession session;
  SocketId socket;
  int dials = 0;
  int joins = 0;
  std::optional<CloseSocket> closed;
  std::optional<Lost> lost;
  std::optional<Ended> ended;
  std::vector<std::string> sent;
  std::vector<std::string> pushed;
};

TEST_CASE("a session dials, joins and holds messages back until it is let in") {
  Shell shell;
  CHECK(shell.dials == 1);
  shell.upgrade();
  CHECK(shell.sent == std::vector<std::string>{
                          R"({"topic":"client","event":"phx_join","payload":null,"ref":0})"});
  CHECK_FALSE(shell.session.send({"no_relays", "{}"}));
  shell.hear(write_ok_reply("client", 0));
  CHECK(shell.joins == 1);
  CHECK(shell.session.send({"no_relays", "{}"}));
  CHECK(shell.session.send({"no_relays", "{}"}));  // Equal to one that waits.
  shell.collect();
  CHECK(shell.sent.size() == 2);
  CHECK(shell.sent.back() == R"({"topic":"client","event":"no_relays","payload":{},"ref":1})");
}

TEST_CASE("only the reply to our own join lets us in") {
  Shell shell;
  shell.upgrade();
  shell.hear(write_ok_reply("gateway", 0));
  shell.hear(write_ok_reply("client", 1));
  shell.hear(write_ok_reply("phoenix", 0));
  CHECK(shell.joins == 0);
  CHECK(shell.session.drops(FrameDrop::kForeignTopic) == 1);
  CHECK(shell.session.drops(FrameDrop::kUnknownReply) == 2);
  // A later portal may say more than {} and is believed.
  shell.hear(R"({"topic":"client","event":"phx_reply",)"
             R"("payload":{"status":"ok","response":{"v":2}},"ref":0})");
  CHECK(shell.joins == 1);
}

TEST_CASE("an init that overtakes the join's reply is not lost") {
  Shell shell;
  shell.upgrade();
  shell.hear(write_push("client", "init", "{}"));
  shell.hear(write_ok_reply("client", 0));
  CHECK(shell.pushed == std::vector<std::string>{"init"});
}

TEST_CASE("heartbeats go out every ten seconds, whatever else does") {
  Shell shell;
  shell.join();
  shell.run(25s);
  REQUIRE(shell.sent.size() == 2);
  CHECK(shell.sent[0] == R"({"topic":"phoenix","event":"heartbeat","payload":{},"ref":1})");
  shell.hear(write_ok_reply("phoenix", 1));
  shell.hear(write_ok_reply("phoenix", 2));
  shell.run(30s);
  CHECK_FALSE(shell.lost.has_value());
}

TEST_CASE("a portal that answers no heartbeat is given up at the fourth") {
  Shell shell;
  shell.join();
  shell.run(40s - 1ms);
  CHECK_FALSE(shell.lost.has_value());
  shell.run(1ms);
  CHECK(shell.sent.size() == 3);
  REQUIRE(shell.lost.has_value());
  CHECK(shell.closed->code == kCloseNormal);
}

TEST_CASE("after a long sleep one heartbeat is due, not one per tick missed") {
  Shell shell;
  shell.join();
  shell.now = kStart + 3h;
  shell.session.handle_timeout(shell.now);
  shell.collect();
  CHECK(shell.sent.size() == 1);
  CHECK(shell.session.poll_timeout().at == shell.now + kHeartbeatInterval);
}

TEST_CASE("an upgrade may take fifteen seconds, a join five") {
  Shell shell;
  const bool is_upgraded = GENERATE(false, true);
  if (is_upgraded) shell.upgrade();
  const Duration patience = is_upgraded ? Duration(5s) : Duration(15s);
  shell.run(patience - 1ms);
  CHECK_FALSE(shell.lost.has_value());
  shell.run(1ms);
  REQUIRE(shell.lost.has_value());
  CHECK(shell.closed->code.has_value() == is_upgraded);
  shell.redial();
  CHECK(shell.dials == 2);
}

TEST_CASE("a portal that was never there is not waited for") {
  Shell shell;
  for (int i = 0; i < 15; ++i) {
    shell.session.handle_closed(shell.now, shell.socket);
    shell.collect();
    CHECK_FALSE(shell.ended.has_value());
    shell.redial();
  }
  shell.session.handle_closed(shell.now, shell.socket);
  shell.collect();
  REQUIRE(shell.ended.has_value());
  CHECK(shell.ended->why == Ended::Why::kRetriesExhausted);
  CHECK(shell.session.poll_timeout().at.is_never());
}

TEST_CASE("a portal that went away is waited for, but no longer than configured") {
  Shell shell(Duration(5min));
  shell.join();
  while (!shell.ended) {
    shell.session.handle_closed(shell.now, shell.socket);
    shell.collect();
    if (!shell.ended) shell.redial();
  }
  CHECK(shell.ended->why == Ended::Why::kRetriesExhausted);
  CHECK(shell.now - kStart <= Duration(5min));
  CHECK(shell.now - kStart > Duration(2min));
}

TEST_CASE("each status of a refused handshake has its consequence") {
  const auto [status, why] = GENERATE(table<int, std::optional<Ended::Why>>({
      {401, Ended::Why::kUnauthorized},
      {302, std::nullopt},
      {400, std::nullopt},
      {402, std::nullopt},
      {403, std::nullopt},
      {404, std::nullopt},
      {409, std::nullopt},
      {429, std::nullopt},
      {500, std::nullopt},
      {503, std::nullopt},
  }));
  CAPTURE(status);
  Shell shell;
  shell.refuse(status);
  CHECK(shell.ended.has_value() == why.has_value());
  if (why) CHECK(shell.ended->why == *why);
  CHECK(shell.lost.has_value() == !why.has_value());
}

TEST_CASE("a rejected token ends the session and asks the user") {
  Shell shell;
  shell.session.handle_refused(
      shell.now, shell.socket,
      make_refusal({.status = 401, .title = "", .code = "invalid_token", .detail = "gone"}));
  shell.collect();
  REQUIRE(shell.ended.has_value());
  CHECK(shell.ended->why == Ended::Why::kTokenRejected);
  CHECK(shell.ended->message == "gone");
  shell.session.reconnect(shell.now);
  shell.collect();
  CHECK(shell.dials == 1);
}

TEST_CASE("Retry-After is obeyed beyond any budget, and does not use it up") {
  Shell shell;
  for (int i = 0; i < 30; ++i) {
    shell.refuse(503, "120");
    REQUIRE(shell.lost.has_value());
    CHECK(shell.lost->retry_at - shell.now == Duration(120s));
    shell.redial();
  }
  shell.refuse(503, "0");
  CHECK(shell.lost->retry_at - shell.now == kShortestRetryAfter);
  CHECK_FALSE(shell.ended.has_value());
}

TEST_CASE("a refused join is final whatever the reason") {
  Shell shell;
  shell.upgrade();
  const std::string reason = GENERATE("invalid_version", "unmatched topic", "join crashed");
  shell.hear(write_error_reply("client", 0, reason));
  REQUIRE(shell.ended.has_value());
  CHECK(shell.ended->why == Ended::Why::kJoinRefused);
  CHECK(shell.ended->message == reason);
}

TEST_CASE("the portal ends a session in many ways") {
  struct Row {
    const char* what;
    std::string frame;
    std::optional<Ended::Why> ended;
    bool is_lost;
  };
  const Row rows[] = {
      {"token expired", write_push("client", "disconnect", R"({"reason":"token_expired"})"),
       Ended::Why::kTokenRejected, false},
      {"certificate revoked",
       write_push("client", "disconnect", R"({"reason":"certificate_revoked"})"),
       Ended::Why::kCertificateRevoked, false},
      {"a reason from the future", write_push("client", "disconnect", R"({"reason":"lunch"})"),
       std::nullopt, false},
      {"the channel stopped", write_push("client", "phx_close", "{}"), std::nullopt, true},
      {"the channel crashed", write_push("client", "phx_error", R"({"reason":"channel_crash"})"),
       std::nullopt, false},
      {"another channel stopped", write_push("gateway", "phx_close", "{}"), std::nullopt, false},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    Shell shell;
    shell.join();
    shell.hear(row.frame);
    CHECK(shell.ended.has_value() == row.ended.has_value());
    if (row.ended) CHECK(shell.ended->why == *row.ended);
    CHECK(shell.lost.has_value() == row.is_lost);
    if (row.is_lost) CHECK_FALSE(shell.closed->code.has_value());  // No Close frame (spec 1.12).
  }
}

TEST_CASE("a late disconnect of a superseded socket is ignored") {
  Shell shell;
  shell.join();
  const SocketId old = shell.socket;
  shell.session.reconnect(shell.now);
  shell.collect();
  CHECK(shell.closed->socket == old);
  CHECK(shell.closed->code == kCloseNormal);
  CHECK(shell.socket != old);
  shell.upgrade();
  shell.session.handle_text(shell.now, old,
                            write_push("client", "disconnect", R"({"reason":"token_expired"})"));
  shell.session.handle_closed(shell.now, old);
  shell.session.handle_refused(shell.now, old, {401, "", std::nullopt, ""});
  shell.collect();
  CHECK_FALSE(shell.ended.has_value());
  shell.hear(write_ok_reply("client", 0));
  CHECK(shell.session.is_joined());
}

TEST_CASE("a channel that vanished under its socket is joined again, once") {
  Shell shell;
  shell.join();
  shell.session.send({"no_relays", "{}"});
  shell.session.send({"request_authorization", "{}"});
  shell.collect();
  shell.sent.clear();
  shell.hear(write_error_reply("client", 1, "unmatched topic"));
  shell.hear(write_error_reply("client", 2, "unmatched topic"));
  CHECK(shell.sent == std::vector<std::string>{
                          R"({"topic":"client","event":"phx_join","payload":null,"ref":3})"});
  CHECK_FALSE(shell.session.send({"no_relays", "{}"}));
  shell.hear(write_ok_reply("client", 3));
  CHECK(shell.joins == 2);
  CHECK(shell.dials == 1);
}

TEST_CASE("other refusals of messages change nothing") {
  Shell shell;
  shell.join();
  shell.session.send({"invented", "{}"});
  shell.collect();
  shell.hear(write_error_reply("client", 1, "unknown_message"));
  shell.hear(write_error_reply("phoenix", 1, "unmatched topic"));
  CHECK(shell.session.is_joined());
  CHECK_FALSE(shell.lost.has_value());
}

TEST_CASE("what waited for a lost socket is not sent on the next one") {
  Shell shell;
  shell.join();
  shell.session.send({"no_relays", "{}"});
  shell.session.handle_closed(shell.now, shell.socket);
  shell.collect();
  CHECK(shell.sent.empty());
  shell.redial();
  shell.upgrade();
  CHECK(shell.sent.size() == 1);  // The join, counting from 0 again.
  CHECK(shell.sent[0].find("\"ref\":0") != std::string::npos);
}

TEST_CASE("a queue that nobody empties stays bounded") {
  Shell shell;
  shell.join();
  size_t taken = 0;
  for (size_t i = 0; i < 2 * kMaxOutbox; ++i) {
    taken += shell.session.send({"e", std::to_string(i)}) ? 1U : 0U;
  }
  CHECK(taken == kMaxOutbox);
}

TEST_CASE("shutting down closes the socket and stays quiet") {
  Shell shell;
  shell.join();
  shell.session.shut_down(shell.now);
  shell.collect();
  CHECK(shell.closed->code == kCloseNormal);
  CHECK_FALSE(shell.ended.has_value());
  CHECK(shell.session.poll_timeout().at.is_never());
}

}  // namespace
}  // namespace connlib::portal
