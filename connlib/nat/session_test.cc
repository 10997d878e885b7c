#include "connlib/nat/session.h"

#include <tuple>
#include <variant>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/support/start_time.h"

namespace connlib::nat {
namespace {

using testing::kStart;
using Kind = Protocol::Kind;

constexpr TcpSigns kData{};
constexpr TcpSigns kSyn{.opens = true};
constexpr TcpSigns kFin{.fin = true};
constexpr TcpSigns kRst{.rst = true};

struct Event {
  bool is_incoming;
  TcpSigns signs;
  Duration at;
};

Session after(Kind kind, const std::vector<Event>& events) {
  Session session({Ipv4Address{{10, 0, 0, 1}}, kind, 4000, 443}, kStart);
  for (const Event& e : events) {
    if (e.is_incoming) {
      session.handle_incoming(e.signs, kStart + e.at);
    } else {
      session.handle_outgoing(e.signs, kStart + e.at);
    }
  }
  return session;
}

}  // namespace

TEST_CASE("a session ends at the earliest of all that may end it") {
  constexpr bool kOut = false;
  constexpr bool kIn = true;
  struct Row {
    const char* what;
    Kind kind;
    std::vector<Event> events;
    Duration end;
  };
  const Row rows[] = {
      {"TCP without an answer", Kind::kTcp, {}, 60s},
      {"UDP without an answer", Kind::kUdp, {}, 60s},
      {"echo without an answer", Kind::kIcmpEcho, {}, 60s},
      {"retried without an answer", Kind::kTcp, {{kOut, kSyn, 30s}}, 90s},
      {"TCP answered", Kind::kTcp, {{kIn, kData, 10s}}, 10s + 2h + 4min},
      {"UDP answered", Kind::kUdp, {{kIn, kData, 10s}}, 10s + 2min},
      {"echo answered", Kind::kIcmpEcho, {{kIn, kData, 10s}}, 10s + 2min},
      {"kept alive by the client", Kind::kUdp, {{kIn, kData, 1s}, {kOut, kData, 100s}}, 220s},
      {"kept alive by the resource", Kind::kUdp, {{kIn, kData, 1s}, {kIn, kData, 100s}}, 220s},
      {"half closed by the client", Kind::kTcp, {{kIn, kData, 1s}, {kOut, kFin, 2s}}, 2s + 7440s},
      {"half closed by the resource", Kind::kTcp, {{kIn, kFin, 2s}}, 2s + 7440s},
      {"closed", Kind::kTcp, {{kOut, kFin, 2s}, {kIn, kFin, 3s}}, 8s},
      {"the last acknowledgment",
       Kind::kTcp,
       {{kIn, kFin, 2s}, {kOut, kFin, 3s}, {kIn, kData, 4s}},
       9s},
      {"reset by the client", Kind::kTcp, {{kIn, kData, 1s}, {kOut, kRst, 2s}}, 3s},
      {"reset by the resource", Kind::kTcp, {{kIn, kRst, 2s}}, 3s},
      {"packets behind a reset",
       Kind::kTcp,
       {{kIn, kRst, 2s}, {kOut, kData, 2500ms}, {kIn, kRst, 2900ms}},
       3s},
      {"port used again after a close",
       Kind::kTcp,
       {{kOut, kFin, 2s}, {kIn, kFin, 3s}, {kOut, kSyn, 4s}},
       64s},
      {"port used again after a reset",
       Kind::kTcp,
       {{kIn, kRst, 2s}, {kOut, kSyn, 2s}, {kIn, kData, 2s}},
       2s + 7440s},
      {"a SYN repeated in the middle",
       Kind::kTcp,
       {{kIn, kData, 1s}, {kOut, kSyn, 2s}},
       2s + 7440s},
      {"time does not run backwards", Kind::kUdp, {{kIn, kData, 10s}, {kOut, kData, 5s}}, 130s},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    const Session session = after(row.kind, row.events);
    CHECK(session.expires_at() - kStart == row.end);
    CHECK_FALSE(session.is_expired(kStart + row.end - Duration(1)));
    CHECK(session.is_expired(kStart + row.end));
  }
}

TEST_CASE("a session says when its end moved closer") {
  Session session({Ipv4Address{{10, 0, 0, 1}}, Kind::kTcp, 4000, 443}, kStart);
  CHECK_FALSE(session.handle_outgoing(kSyn, kStart));
  CHECK_FALSE(session.handle_incoming(kData, kStart + 1s));
  CHECK_FALSE(session.handle_outgoing(kFin, kStart + 2s));
  CHECK(session.handle_incoming(kFin, kStart + 2s));
  CHECK(session.handle_incoming(kRst, kStart + 3s));
}

TEST_CASE("only TCP has signs, and a SYN-ACK does not open") {
  // The header of a TCP packet from 10.0.0.1 to 10.0.0.2; flags in byte 33.
  std::vector<uint8_t> bytes{0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2};
  bytes.insert(bytes.end(), {0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0, 0, 0, 0, 0, 0, 0});
  for (const auto& [flags, opens, fin, rst] :
       {std::tuple{0x02, true, false, false}, std::tuple{0x12, false, false, false},
        std::tuple{0x11, false, true, false}, std::tuple{0x14, false, false, true}}) {
    bytes[33] = static_cast<uint8_t>(flags);
    auto parsed = IpPacket::parse(bytes);
    const TcpSigns signs = TcpSigns::of(std::get<IpPacket>(parsed));
    CHECK(signs.opens == opens);
    CHECK(signs.fin == fin);
    CHECK(signs.rst == rst);
  }
}

}  // namespace connlib::nat
