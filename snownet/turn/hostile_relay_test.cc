// Answers that nobody asked for, or that somebody forged.
#include <catch2/catch.hpp>

#include "snownet/turn/lab.h"

namespace connlib::snownet::turn {
namespace {

using stun::ErrorCode;
using stun::MessageBuilder;
using stun::MessageClass;
using stun::Method;
using testing::address;
using testing::Bytes;
using testing::kLocal;
using testing::kRelay;
using testing::Lab;

Drop dropped(const Inbound& inbound) {
  REQUIRE(std::holds_alternative<Drop>(inbound));
  return std::get<Drop>(inbound);
}

stun::TransactionId last_id(const Lab& lab) {
  return std::get<stun::Message>(stun::parse_message(lab.sent.back())).transaction_id();
}

Bytes answer(Method method, MessageClass cls, const stun::TransactionId& id, const char* password,
             const std::function<void(MessageBuilder&)>& fill) {
  std::array<uint8_t, 512> out{};
  MessageBuilder builder(out, {method, cls}, id);
  fill(builder);
  if (password != nullptr) {
    auto key = stun::IntegrityKey::long_term("1:salt", "firezone", password);
    builder.add_integrity(key);
  }
  const auto bytes = builder.finish();
  return {bytes->begin(), bytes->end()};
}

TEST_CASE("a forged answer changes nothing: the request stays on its way") {
  Lab lab;
  lab.allocated();
  lab.relay.is_silent_to = [](Method) { return true; };
  lab.allocation.check(lab.now);
  lab.drain();
  const auto id = last_id(lab);
  const Timestamp deadline = lab.allocation.poll_timeout().at;
  struct Forgery {
    const char* what;
    Bytes bytes;
    SocketAddress from;
    Drop expected;
  };
  auto lifetime = [](MessageBuilder& b) { b.add_lifetime(0s); };
  auto mismatch = [](MessageBuilder& b) { b.add_error_code(ErrorCode::kAllocationMismatch); };
  auto unauthorized = [](MessageBuilder& b) {
    b.add_error_code(ErrorCode::kUnauthorized).add_realm("other").add_nonce("x");
  };
  Bytes truncated = answer(Method::kRefresh, MessageClass::kSuccess, id, "secret", lifetime);
  truncated.pop_back();
  const Forgery forgeries[] = {
      {"another password", answer(Method::kRefresh, MessageClass::kSuccess, id, "guess", lifetime),
       kRelay, Drop::kWrongIntegrity},
      {"unsigned success", answer(Method::kRefresh, MessageClass::kSuccess, id, nullptr, lifetime),
       kRelay, Drop::kWrongIntegrity},
      {"unsigned 437", answer(Method::kRefresh, MessageClass::kError, id, nullptr, mismatch),
       kRelay, Drop::kWrongIntegrity},
      {"a challenge of another realm",
       answer(Method::kRefresh, MessageClass::kError, id, nullptr, unauthorized), kRelay,
       Drop::kRefused},
      {"from elsewhere", answer(Method::kRefresh, MessageClass::kSuccess, id, "secret", lifetime),
       address("203.0.113.66:3478"), Drop::kNotFromRelay},
      {"another method", answer(Method::kAllocate, MessageClass::kSuccess, id, "secret", lifetime),
       kRelay, Drop::kUnknownTransaction},
      {"a request", answer(Method::kRefresh, MessageClass::kRequest, id, "secret", lifetime),
       kRelay, Drop::kUnknownTransaction},
      {"another id", answer(Method::kRefresh, MessageClass::kSuccess, {}, "secret", lifetime),
       kRelay, Drop::kUnknownTransaction},
      {"cut short", truncated, kRelay, Drop::kMalformed},
      {"empty", {}, kRelay, Drop::kMalformed},
  };
  for (const auto& forgery : forgeries) {
    CAPTURE(forgery.what);
    Bytes bytes = forgery.bytes;
    CHECK(dropped(lab.allocation.handle_datagram(lab.now, kLocal, forgery.from, bytes)) ==
          forgery.expected);
    CHECK(lab.allocation.poll_timeout().at == deadline);
  }
  CHECK(lab.allocation.is_allocated());
  Bytes real = answer(Method::kRefresh, MessageClass::kSuccess, id, "secret",
                      [](MessageBuilder& b) { b.add_lifetime(600s); });
  CHECK(std::holds_alternative<Consumed>(
      lab.allocation.handle_datagram(lab.now, kLocal, kRelay, real)));
}

TEST_CASE("a relay that challenges for ever is not followed for ever") {
  Lab lab;
  lab.relay.refuses[Method::kAllocate] = ErrorCode::kStaleNonce;
  lab.run_for(5s);
  // The first, three challenges, and the retransmissions of the last.
  CHECK(lab.relay.count(Method::kAllocate) <= 8);
}

TEST_CASE("channel data without a confirmed channel goes nowhere") {
  Lab lab;
  lab.allocated();
  Bytes frame = {0x40, 0x00, 0x00, 0x01, 'x'};
  CHECK(dropped(lab.allocation.handle_datagram(lab.now, kLocal, kRelay, frame)) ==
        Drop::kUnboundChannel);
  Bytes lying = {0x40, 0x00, 0x00, 0x09, 'x'};
  CHECK(dropped(lab.allocation.handle_datagram(lab.now, kLocal, kRelay, lying)) ==
        Drop::kMalformed);
  Bytes wireguard = {4, 0, 0, 0, 1, 2, 3, 4};
  CHECK(dropped(lab.allocation.handle_datagram(lab.now, kLocal, kRelay, wireguard)) ==
        Drop::kMalformed);
}

TEST_CASE("mangled answers of every kind are dropped or harmless") {
  const uint64_t seed = GENERATE(range(uint64_t{1}, uint64_t{31}));
  CAPTURE(seed);
  SeededRandom random(seed);
  Lab lab({.v4 = kRelay, .v6 = std::nullopt}, seed);
  for (int i = 0; i < 300; ++i) {
    lab.run_for(Duration(static_cast<int64_t>(random.below(Duration(2s).count()))));
    if (lab.sent.empty()) continue;
    // Take something that was sent, or its answer, and break it.
    const Bytes& request = lab.sent[random.below(lab.sent.size())];
    Bytes bytes = request;
    if (random.below(2) == 0) {
      testing::FakeRelay other;
      if (auto made = other.handle(lab.now, false, request)) bytes = *made;
    }
    const uint64_t flips = random.below(4);
    for (uint64_t f = 0; f < flips && !bytes.empty(); ++f) {
      bytes[random.below(bytes.size())] ^= static_cast<uint8_t>(1u << random.below(8));
    }
    if (random.below(4) == 0) bytes.resize(random.below(bytes.size() + 1));
    lab.allocation.handle_datagram(lab.now, kLocal, kRelay, bytes);
  }
  lab.run_for(2min);
  CHECK((lab.allocation.is_allocated() || lab.allocation.failure().has_value()));
}

}  // namespace
}  // namespace connlib::snownet::turn
