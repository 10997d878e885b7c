#include "connlib/dns/tcp/connection.h"

#include <array>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/dns/tcp/wire.h"
#include "tests/support/packets.h"
#include "tests/support/start_time.h"

namespace connlib::dns::tcp {
namespace {

using connlib::testing::endpoint;
using connlib::testing::kStart;
using Bytes = std::vector<uint8_t>;

const PacketAddresses kOurs{endpoint("100.64.0.1:50000"), endpoint("100.100.111.1:53")};
const PacketAddresses kTheirs{kOurs.to, kOurs.from};
constexpr uint32_t kIss = 0xffff'fff0;  // Wraps early.
constexpr uint32_t kPeerIss = 7000;

// A peer that says what the test wants, word for word.
class Script {
 public:
  explicit Script(Connection connection) : connection_(std::move(connection)) {}

  Connection& operator*() { return connection_; }
  Connection* operator->() { return &connection_; }

  void deliver(const TcpFields& fields, const Bytes& payload = {}) {
    std::array<uint8_t, IpPacket::kMaxBytes> buffer{};
    const auto packet = write_tcp(kTheirs, fields, payload, buffer);
    REQUIRE_FALSE(packet.empty());
    connection_.handle_segment(now, segment_of(packet));
  }
  // The next packet, or nothing.
  struct Sent {
    TcpFields fields;
    Bytes payload;
  };
  std::optional<Sent> sent() {
    std::array<uint8_t, IpPacket::kMaxBytes> buffer{};
    const auto packet = connection_.poll_transmit(now, buffer);
    if (packet.empty()) return std::nullopt;
    REQUIRE(connlib::testing::has_right_checksums(packet));
    const auto s = segment_of(packet);
    const auto flags = static_cast<uint8_t>(
        (s.has_fin() ? TcpFields::kFin : 0) | (s.has_syn() ? TcpFields::kSyn : 0) |
        (s.has_rst() ? TcpFields::kRst : 0) | (s.has_ack() ? TcpFields::kAck : 0));
    return Sent{{s.sequence(), s.acknowledgment(), flags, s.window()},
                {s.payload().begin(), s.payload().end()}};
  }
  size_t drain() {
    size_t packets = 0;
    while (sent()) ++packets;
    return packets;
  }
  // Jumps to the next deadline and lets it happen.
  void sleep() {
    REQUIRE_FALSE(connection_.poll_timeout().at.is_never());
    now = connection_.poll_timeout().at;
    connection_.handle_timeout(now);
  }

  Timestamp now = kStart;

 private:
  Connection connection_;
};

Script connected() {
  Script peer(Connection::connect(kOurs, kIss, kStart));
  REQUIRE(peer.sent()->fields.flags == TcpFields::kSyn);
  peer.deliver({kPeerIss, kIss + 1, TcpFields::kSyn | TcpFields::kAck, 60'000, 1240});
  REQUIRE(peer.sent()->fields.flags == TcpFields::kAck);
  REQUIRE(peer->state() == State::kEstablished);
  REQUIRE(peer->poll_timeout().at.is_never());
  return peer;
}
constexpr uint32_t kNext = kIss + 1;          // Our first byte.
constexpr uint32_t kPeerNext = kPeerIss + 1;  // Theirs.

void ack(Script& peer, uint32_t acknowledgment, uint16_t window = 60'000) {
  peer.deliver({kPeerNext, acknowledgment, TcpFields::kAck, window});
}

TEST_CASE("connect, write, read, close") {
  auto peer = connected();
  REQUIRE(peer->write(Bytes{1, 2, 3}));
  const auto data = peer.sent();
  CHECK(data->payload == Bytes{1, 2, 3});
  CHECK(data->fields.sequence == kNext);
  peer.deliver({kPeerNext, kNext + 3, TcpFields::kAck, 60'000}, {9, 8});
  CHECK(peer.sent()->fields.acknowledgment == kPeerNext + 2);
  CHECK(Bytes(peer->received().begin(), peer->received().end()) == Bytes{9, 8});
  peer->close(peer.now);
  CHECK(peer.sent()->fields.flags == (TcpFields::kFin | TcpFields::kAck));
  CHECK(peer->state() == State::kFinWait1);
  peer.deliver({kPeerNext + 2, kNext + 4, TcpFields::kFin | TcpFields::kAck, 60'000});
  CHECK(peer->state() == State::kTimeWait);
  CHECK(peer.sent()->fields.acknowledgment == kPeerNext + 3);
  peer.sleep();
  CHECK(peer->is_closed());
  CHECK(peer->close_reason() == CloseReason::kFinished);
  CHECK(peer->poll_timeout().at.is_never());
}

TEST_CASE("accept: a lost SYN,ACK is repeated when the SYN comes again, and by the clock") {
  std::array<uint8_t, 100> buffer{};
  const auto syn = write_tcp(kTheirs, {kPeerIss, 0, TcpFields::kSyn, 1000, 1000}, {}, buffer);
  Script peer(Connection::accept(kOurs, segment_of(syn), kIss, kStart));
  const uint8_t syn_ack = TcpFields::kSyn | TcpFields::kAck;
  CHECK(peer.sent()->fields.flags == syn_ack);
  CHECK_FALSE(peer.sent().has_value());
  peer.deliver({kPeerIss, 0, TcpFields::kSyn, 1000, 1000});
  CHECK(peer.sent()->fields.flags == syn_ack);
  peer.sleep();
  const auto third = peer.sent();
  CHECK(third->fields.flags == syn_ack);
  CHECK(third->fields.sequence == kIss);
  ack(peer, kNext, 1000);
  CHECK(peer->state() == State::kEstablished);
}

TEST_CASE("the peer closes first") {
  auto peer = connected();
  peer.deliver({kPeerNext, kNext, TcpFields::kFin | TcpFields::kAck, 60'000}, {5});
  CHECK(peer->state() == State::kCloseWait);
  CHECK(peer->is_receive_finished());
  CHECK(peer->received().size() == 1);
  REQUIRE(peer->write(Bytes{1}));  // We may still answer.
  peer->close(peer.now);
  CHECK(peer.sent()->payload == Bytes{1});
  CHECK((peer.sent()->fields.flags & TcpFields::kFin) != 0);
  CHECK(peer->state() == State::kLastAck);
  peer.deliver({kPeerNext + 2, kNext + 2, TcpFields::kAck, 60'000});
  CHECK(peer->is_closed());
  CHECK(peer->close_reason() == CloseReason::kFinished);
}

TEST_CASE("both close at once") {
  auto peer = connected();
  peer->close(peer.now);
  peer.drain();
  peer.deliver({kPeerNext, kNext, TcpFields::kFin | TcpFields::kAck, 60'000});
  CHECK(peer->state() == State::kClosing);
  peer.drain();
  peer.deliver({kPeerNext + 1, kNext + 1, TcpFields::kAck, 60'000});
  CHECK(peer->state() == State::kTimeWait);
}

TEST_CASE("both connect at once") {
  Script peer(Connection::connect(kOurs, kIss, kStart));
  peer.drain();
  peer.deliver({kPeerIss, 0, TcpFields::kSyn, 1000, 1000});
  CHECK(peer.sent()->fields.flags == (TcpFields::kSyn | TcpFields::kAck));
  ack(peer, kNext);
  CHECK(peer->state() == State::kEstablished);
}

TEST_CASE("a reset must name the very next byte; others in the window are challenged") {
  const auto [offset, closes, challenged] = GENERATE(table<uint32_t, bool, bool>({
      {0, true, false},
      {1, false, true},
      {50'000, false, true},
      {70'000, false, false},
      {0xffff'ffff, false, false},
  }));
  auto peer = connected();
  peer.deliver({kPeerNext + offset, 0, TcpFields::kRst, 0});
  CHECK(peer->is_closed() == closes);
  CHECK(peer.sent().has_value() == challenged);
  if (closes) CHECK(peer->close_reason() == CloseReason::kReset);
}

TEST_CASE("a SYN inside a connection is challenged, so a rebooted peer finds out") {
  auto peer = connected();
  peer.deliver({kPeerNext + 5, 0, TcpFields::kSyn, 1000, 1000});
  const auto challenge = peer.sent();
  CHECK(challenge->fields.flags == TcpFields::kAck);
  CHECK(challenge->fields.acknowledgment == kPeerNext);
  // It answers an acknowledgment that it does not understand with a reset of our making.
  peer.deliver({challenge->fields.acknowledgment, 0, TcpFields::kRst, 0});
  CHECK(peer->close_reason() == CloseReason::kReset);
}

TEST_CASE("connecting: refusals count when they are about our SYN") {
  const auto [fields, reason, answered] = GENERATE(table<TcpFields, CloseReason, bool>({
      {{0, kNext, TcpFields::kRst | TcpFields::kAck}, CloseReason::kReset, false},
      {{0, kNext + 1, TcpFields::kRst | TcpFields::kAck}, CloseReason::kOpen, false},
      {{0, 0, TcpFields::kRst}, CloseReason::kOpen, false},
      {{9, kNext + 1, TcpFields::kSyn | TcpFields::kAck}, CloseReason::kOpen, true},
      {{9, kNext, TcpFields::kAck}, CloseReason::kOpen, false},
  }));
  Script peer(Connection::connect(kOurs, kIss, kStart));
  peer.drain();
  peer.deliver(fields);
  CHECK(peer->close_reason() == reason);
  const auto reply = peer.sent();
  REQUIRE(reply.has_value() == answered);
  if (answered) {
    CHECK(reply->fields.flags == TcpFields::kRst);
    CHECK(reply->fields.sequence == kNext + 1);
  }
}

TEST_CASE("a silent peer is given up after doubling waits, with a reset") {
  Script peer(Connection::connect(kOurs, kIss, kStart));
  const bool is_established = GENERATE(false, true);
  if (is_established) {
    peer = connected();
    REQUIRE(peer->write(Bytes{1}));
  }
  size_t packets = peer.drain();
  Duration last{};
  Duration total{};
  while (!peer->is_closed()) {
    const Duration wait = peer->poll_timeout().at - peer.now;
    peer.sleep();
    if (peer->close_reason() != CloseReason::kOpen) break;
    CHECK(wait >= last);
    last = wait;
    total += wait;
    packets += peer.drain();
  }
  CHECK(packets == 1 + Connection::kMaxRetransmissions);
  CHECK(peer->close_reason() == CloseReason::kTimedOut);
  CHECK(peer.sent().has_value() == is_established);
  CHECK(total < 2min);
}

TEST_CASE("three duplicate acknowledgments repeat at once, no more often than once per flight") {
  auto peer = connected();
  REQUIRE(peer->write(Bytes(6000)));
  REQUIRE(peer.drain() == 5);
  for (int i = 0; i < 2; ++i) ack(peer, kNext);
  CHECK(peer.drain() == 0);
  ack(peer, kNext);
  const auto again = peer.sent();
  REQUIRE(again.has_value());
  CHECK(again->fields.sequence == kNext);
  peer.drain();
  for (int i = 0; i < 5; ++i) ack(peer, kNext);
  CHECK(peer.drain() == 0);
}

TEST_CASE("a closed window is probed until it opens") {
  auto peer = connected();
  ack(peer, kNext, 0);
  REQUIRE(peer->write(Bytes{1, 2, 3}));
  CHECK(peer.drain() == 0);
  for (int i = 0; i < 20; ++i) {  // Far more often than a silent peer would be asked.
    peer.sleep();
    CHECK(peer.sent()->payload == Bytes{1});
    CHECK_FALSE(peer.sent().has_value());
    ack(peer, kNext, 0);
  }
  ack(peer, kNext, 100);
  CHECK(peer.sent()->payload == Bytes{1, 2, 3});
}

TEST_CASE("the window that is told is kept: what comes beyond it is dropped") {
  auto peer = connected();
  uint32_t at = kPeerNext;
  for (size_t left = Connection::kMaxReceivedBytes + 5000; left > 0;) {
    const size_t size = std::min<size_t>(left, 1000);
    peer.deliver({at, kNext, TcpFields::kAck, 60'000}, Bytes(size, 0x42));
    at += static_cast<uint32_t>(size);
    left -= size;
    peer.drain();
  }
  CHECK(peer->received().size() == Connection::kMaxReceivedBytes);
  peer.deliver({at, kNext, TcpFields::kAck, 60'000}, {1});
  CHECK(peer.sent()->fields.window == 0);
  peer->consume(10);  // Not worth a packet.
  CHECK_FALSE(peer.sent().has_value());
  peer->consume(5000);
  CHECK(peer.sent()->fields.window == 5010);
}

TEST_CASE("segments that repeat, overlap or leave holes give each byte once") {
  auto peer = connected();
  const auto give = [&](uint32_t from, const Bytes& payload) {
    peer.deliver({kPeerNext + from, kNext, TcpFields::kAck, 60'000}, payload);
    return peer.sent()->fields.acknowledgment - kPeerNext;
  };
  CHECK(give(0, {0, 1, 2}) == 3);
  CHECK(give(0, {0, 1, 2}) == 3);
  CHECK(give(1, {1, 2, 3, 4}) == 5);
  CHECK(give(7, {7, 8}) == 5);
  CHECK(give(5, {5, 6}) == 7);
  CHECK(Bytes(peer->received().begin(), peer->received().end()) == Bytes{0, 1, 2, 3, 4, 5, 6});
}

TEST_CASE("acknowledgments of what was never sent change nothing") {
  auto peer = connected();
  REQUIRE(peer->write(Bytes{1}));
  peer.drain();
  ack(peer, kNext + 100);
  ack(peer, kNext - 100);
  CHECK(peer->unacknowledged_bytes() == 1);
  CHECK(peer.drain() == 0);  // And are not answered: two of us would never stop.
}

TEST_CASE("the peer's segment size is honoured within reason") {
  const auto [asked, expect] = GENERATE(
      table<uint16_t, size_t>({{0, 536}, {1, 64}, {500, 500}, {1240, 1240}, {65'535, 1240}}));
  Script peer(Connection::connect(kOurs, kIss, kStart));
  peer.drain();
  peer.deliver({kPeerIss, kIss + 1, TcpFields::kSyn | TcpFields::kAck, 60'000, asked});
  peer.drain();
  REQUIRE(peer->write(Bytes(5000)));
  CHECK(peer.sent()->payload.size() == expect);
}

TEST_CASE("writing takes one whole message or nothing, and nothing after close") {
  auto peer = connected();
  CHECK(peer->write(Bytes(Connection::kMaxSendBytes)));
  CHECK_FALSE(peer->write(Bytes(1)));
  peer->close(peer.now);
  CHECK(peer->writable_bytes() == 0);
}

TEST_CASE("nothing that is done to a closed connection makes it wait for anything") {
  auto peer = connected();
  REQUIRE(peer->write(Bytes{1}));
  peer.drain();
  peer->abort();
  peer.drain();
  CHECK(peer->write({}));
  CHECK_FALSE(peer->write(Bytes{1}));
  peer->close(peer.now);
  peer->consume(1);
  ack(peer, kNext + 1);
  CHECK(peer->poll_timeout().at.is_never());
  CHECK(peer->is_closed());
}

TEST_CASE("a peer that never closes its end is left after a while") {
  auto peer = connected();
  peer->close(peer.now);
  peer.drain();
  ack(peer, kNext + 1);
  REQUIRE(peer->state() == State::kFinWait2);
  CHECK(peer->poll_timeout().at == peer.now + Connection::kFinWait2);
  peer.sleep();
  CHECK(peer->is_closed());
}

TEST_CASE("segments for nobody are reset, resets are not") {
  std::array<uint8_t, 200> in{};
  std::array<uint8_t, 200> out{};
  const auto answer = [&](const TcpFields& fields, const Bytes& payload = {}) {
    return write_reset_for(kOurs, segment_of(write_tcp(kTheirs, fields, payload, in)), out);
  };
  CHECK(answer({1, 0, TcpFields::kRst}).empty());
  const auto to_ack = segment_of(answer({1, 55, TcpFields::kAck}));
  CHECK(to_ack.has_rst());
  CHECK(to_ack.sequence() == 55);
  const auto to_syn = segment_of(answer({10, 0, TcpFields::kSyn}, {1, 2}));
  CHECK(to_syn.has_rst());
  CHECK(to_syn.acknowledgment() == 13);
}

}  // namespace
}  // namespace connlib::dns::tcp
