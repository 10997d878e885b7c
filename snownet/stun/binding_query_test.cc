#include "snownet/stun/binding_query.h"

#include <array>
#include <vector>

#include <catch2/catch.hpp>

#include "snownet/stun/message.h"
#include "snownet/stun/message_builder.h"

namespace connlib::snownet::stun {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr Timestamp kStart = Timestamp::from_nanoseconds(9'041'000'000'021);
const SocketAddress kServer = *SocketAddress::parse("198.41.0.4:3478");
const SocketAddress kOther = *SocketAddress::parse("198.41.0.5:3478");
const SocketAddress kMapped = *SocketAddress::parse("93.184.216.34:3478");

Bytes answer(const TransactionId& id, MessageClass cls = MessageClass::kSuccess,
             Method method = Method::kBinding, bool has_address = true) {
  std::array<uint8_t, 128> out{};
  MessageBuilder builder(out, {method, cls}, id);
  if (cls == MessageClass::kError) builder.add_error_code(ErrorCode::kBadRequest);
  if (has_address) builder.add_xor_mapped_address(kMapped);
  const auto bytes = builder.finish();
  return {bytes->begin(), bytes->end()};
}

struct Asked {
  Asked() : random(7), query(kServer, random, kStart) {
    const auto sent = query.poll_transmit();
    REQUIRE(sent.has_value());
    id = parse_header(*sent)->transaction_id;
  }
  SeededRandom random;
  BindingQuery query;
  TransactionId id;
};

TEST_CASE("a binding query learns how its server sees it, once") {
  Asked asked;
  CHECK(asked.query.take_answer(kServer, answer(asked.id)) == kMapped);
  CHECK(asked.query.is_over());
  CHECK(asked.query.poll_timeout().at.is_never());
  CHECK_FALSE(asked.query.take_answer(kServer, answer(asked.id)).has_value());
}

TEST_CASE("a binding query believes nobody but its server, and only answers to what it asked") {
  Asked asked;
  TransactionId guessed = asked.id;
  guessed.bytes[11] ^= 1;
  CHECK_FALSE(asked.query.take_answer(kOther, answer(asked.id)).has_value());
  CHECK_FALSE(asked.query.take_answer(kServer, answer(guessed)).has_value());
  CHECK_FALSE(
      asked.query.take_answer(kServer, answer(asked.id, MessageClass::kIndication)).has_value());
  CHECK_FALSE(asked.query.take_answer(kServer, answer(asked.id, MessageClass::kError)).has_value());
  CHECK_FALSE(
      asked.query.take_answer(kServer, answer(asked.id, MessageClass::kSuccess, Method::kAllocate))
          .has_value());
  CHECK_FALSE(
      asked.query
          .take_answer(kServer, answer(asked.id, MessageClass::kSuccess, Method::kBinding, false))
          .has_value());
  Bytes cut = answer(asked.id);
  cut.pop_back();
  CHECK_FALSE(asked.query.take_answer(kServer, cut).has_value());
  CHECK_FALSE(asked.query.take_answer(kServer, {}).has_value());
  CHECK_FALSE(asked.query.is_over());  // None of it used up the question.
  CHECK(asked.query.take_answer(kServer, answer(asked.id)) == kMapped);
}

TEST_CASE("a binding query that nobody answers is over when its policy says so") {
  SeededRandom random(7);
  constexpr RetransmitPolicy kPolicy{
      .initial_rto = 500ms, .growth_percent = 200, .transmissions = 3, .final_wait = 1s};
  BindingQuery query(kServer, random, kStart, kPolicy);
  size_t sent = 0;
  Timestamp now = kStart;
  while (!query.is_over()) {
    while (query.poll_transmit()) ++sent;
    REQUIRE(query.poll_timeout().at > now);
    now = query.poll_timeout().at;
    query.handle_timeout(now);
  }
  CHECK(sent == kPolicy.transmissions);
  CHECK(now == kStart + time_to_give_up(kPolicy));
  CHECK_FALSE(query.poll_transmit().has_value());
}

}  // namespace
}  // namespace connlib::snownet::stun
