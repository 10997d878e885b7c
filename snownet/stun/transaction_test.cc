#include "snownet/stun/transaction.h"

#include <algorithm>
#include <array>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/base/random_source.h"
#include "snownet/stun/message_builder.h"

namespace connlib::snownet::stun {
namespace {

constexpr Timestamp kStart = Timestamp::from_nanoseconds(9'123'456'789'012'345);

std::vector<uint8_t> message_of(MessageType type, const TransactionId& id) {
  std::array<uint8_t, 64> buffer{};
  MessageBuilder builder(buffer, type, id);
  const auto written = builder.add_software("test").finish();
  return {written->begin(), written->end()};
}

std::vector<uint8_t> request(const TransactionId& id) {
  return message_of({Method::kRefresh, MessageClass::kRequest}, id);
}

TransactionId some_id(uint64_t seed) {
  SeededRandom random(seed);
  return TransactionId::random(random);
}

// Drives `transaction` from wakeup to wakeup until it gives up: when each copy was sent, then when
// it gave up, as offsets from the start.
std::vector<Duration> run(Transaction& transaction, const std::vector<uint8_t>& bytes) {
  std::vector<Duration> steps;
  Timestamp now = kStart;
  while (!transaction.has_given_up() && steps.size() < 20) {
    while (const auto transmit = transaction.poll_transmit()) {
      CHECK(std::equal(transmit->begin(), transmit->end(), bytes.begin(), bytes.end()));
      steps.push_back(now - kStart);
    }
    const Wakeup wakeup = transaction.poll_timeout();
    REQUIRE(wakeup.at > now);  // Truthful: no spin after a drain.
    REQUIRE_FALSE(wakeup.at.is_never());
    transaction.handle_timeout(wakeup.at - 1ns);
    CHECK_FALSE(transaction.poll_transmit().has_value());  // Early is a no-op.
    now = wakeup.at;
    transaction.handle_timeout(now);
  }
  steps.push_back(now - kStart);
  return steps;
}

TEST_CASE("an unanswered request is repeated unchanged on the schedule of its policy") {
  const auto [policy, steps] = GENERATE(table<RetransmitPolicy, std::vector<Duration>>({
      // RFC 8489 §6.2.1: "0 ms, 500 ms, 1500 ms, 3500 ms, 7500 ms, 15500 ms, and 31500 ms".
      {kRfcRetransmission, {0ms, 500ms, 1500ms, 3500ms, 7500ms, 15500ms, 31500ms, 39500ms}},
      {kRelayRetransmission, {0ms, 1s, 2500ms, 4750ms, 8125ms}},
      {kRelayProbe, {0ms, 1s}},
  }));
  const auto bytes = request(some_id(1));
  Transaction transaction(bytes, policy, kStart);
  CHECK(run(transaction, bytes) == steps);
  CHECK(time_to_give_up(policy) == steps.back());
  CHECK(transaction.id() == some_id(1));
}

TEST_CASE("a transaction that gave up stays silent for good") {
  const auto bytes = request(some_id(1));
  Transaction transaction(bytes, kRelayProbe, kStart);
  run(transaction, bytes);
  CHECK(transaction.poll_timeout().at.is_never());
  transaction.handle_timeout(kStart + 24h);
  CHECK(transaction.has_given_up());
  CHECK_FALSE(transaction.poll_transmit().has_value());
}

TEST_CASE("the first copy is due at once and only once") {
  Transaction transaction(request(some_id(1)), kRfcRetransmission, kStart);
  CHECK(transaction.poll_timeout().at == kStart);
  CHECK(transaction.poll_transmit().has_value());
  CHECK_FALSE(transaction.poll_transmit().has_value());
  CHECK(transaction.poll_timeout().at == kStart + 500ms);
}

TEST_CASE("after a suspend one copy goes out, not all that were missed, and it may be answered") {
  Transaction transaction(request(some_id(1)), kRfcRetransmission, kStart);
  CHECK(transaction.poll_transmit().has_value());
  const Timestamp awake = kStart + 1h;
  transaction.handle_timeout(awake);
  transaction.handle_timeout(awake);
  CHECK(transaction.poll_transmit().has_value());
  CHECK_FALSE(transaction.poll_transmit().has_value());
  CHECK_FALSE(transaction.has_given_up());
  CHECK(transaction.poll_timeout().at == awake + 1s);
}

TEST_CASE("a clock that steps back does not shorten or repeat anything") {
  Transaction transaction(request(some_id(1)), kRfcRetransmission, kStart);
  CHECK(transaction.poll_transmit().has_value());
  transaction.handle_timeout(kStart + 500ms);
  CHECK(transaction.poll_transmit().has_value());
  transaction.handle_timeout(kStart);
  CHECK_FALSE(transaction.poll_transmit().has_value());
  CHECK(transaction.poll_timeout().at == kStart + 1500ms);
}

TEST_CASE("only the answer to a request sent once measures the round trip (Karn)") {
  Transaction transaction(request(some_id(1)), kRfcRetransmission, kStart);
  CHECK(transaction.poll_transmit().has_value());
  CHECK(transaction.round_trip_time(kStart + 35ms) == 35ms);
  CHECK(transaction.round_trip_time(kStart + 499ms) == 499ms);
  transaction.handle_timeout(kStart + 500ms);
  CHECK_FALSE(transaction.round_trip_time(kStart + 501ms).has_value());
}

TEST_CASE("an answer is a response of the same method and transaction, late ones included") {
  const TransactionId id = some_id(1);
  Transaction transaction(request(id), kRfcRetransmission, kStart);
  const auto [what, type, same_id, answers] = GENERATE(table<std::string, MessageType, bool, bool>({
      {"success", {Method::kRefresh, MessageClass::kSuccess}, true, true},
      {"error", {Method::kRefresh, MessageClass::kError}, true, true},
      {"our own request reflected", {Method::kRefresh, MessageClass::kRequest}, true, false},
      {"an indication", {Method::kRefresh, MessageClass::kIndication}, true, false},
      {"another method", {Method::kAllocate, MessageClass::kSuccess}, true, false},
      {"another transaction", {Method::kRefresh, MessageClass::kSuccess}, false, false},
  }));
  CAPTURE(what);
  transaction.handle_timeout(kStart + 500ms);  // Any copy may be the one that is answered.
  const auto bytes = message_of(type, same_id ? id : some_id(2));
  const auto parsed = parse_message(bytes);
  CHECK(transaction.is_answered_by(std::get<Message>(parsed)) == answers);
}

TEST_CASE("transaction ids are drawn whole from the random source") {
  SeededRandom random(3);
  SeededRandom same(3);
  const auto first = TransactionId::random(random);
  CHECK(first == TransactionId::random(same));
  CHECK(first != TransactionId::random(random));
  const auto expected = SeededRandom(3).bytes<12>();
  CHECK(first.bytes == expected);
}

}  // namespace
}  // namespace connlib::snownet::stun
