#include "snownet/ice/check_list.h"

#include <catch2/catch.hpp>

#include "snownet/ice/check_message.h"
#include "snownet/ice/priority.h"
#include "tests/support/start_time.h"
#include "tests/support/vectors.h"

namespace connlib::snownet::ice {
namespace {

using connlib::testing::kStart;

SocketAddress v4(uint8_t host, uint16_t port = 80) {
  return {Ipv4Address{{192, 0, 2, host}}, port};
}
Candidate local_host(uint16_t port = 80, uint32_t priority = 1000) {
  Candidate candidate = Candidate::host(v4(1, port));
  candidate.priority = priority;
  return candidate;
}
Candidate remote(uint16_t port, uint32_t priority,
                 CandidateKind kind = CandidateKind::kServerReflexive) {
  return Candidate::remote(kind, v4(2, port), priority);
}
void succeed(CandidatePair& pair, Timestamp now) {
  const CheckHistory::Attempt attempt{now, {{9}}, Role::kControlling};
  pair.record_check(attempt, kClientDefaultTiming);
  pair.record_success(*pair.find_attempt(attempt.id), kClientDefaultTiming, now);
}

// The instants of all checks and of the failure of a pair, with answers while `is_up`.
struct Life {
  std::vector<Duration> gaps_after_outage;
  Duration fails_after{};  // The first unanswered check.
};
Life live(const Timing& timing, Duration outage_at) {
  CandidatePair pair(local_host(), remote(1, 5), Role::kControlling, kStart);
  Life life;
  std::optional<Timestamp> first_missed;
  Timestamp last = kStart;
  for (uint16_t i = 0; i < 10'000; ++i) {
    stun::TransactionId id;
    store_be16(id.bytes.data(), i);
    const Timestamp now = pair.next_at();
    if (pair.is_exhausted(timing)) {
      life.fails_after = now - *first_missed;
      return life;
    }
    if (first_missed) life.gaps_after_outage.push_back(now - last);
    pair.record_check({now, id, Role::kControlling}, timing);
    last = now;
    if (now - kStart >= outage_at) {
      if (!first_missed) first_missed = now;
    } else {
      pair.record_success(*pair.find_attempt(id), timing, now + 20ms);
    }
  }
  return life;
}

TEST_CASE("a pair lives exactly as long as its timing set allows") {
  auto [what, timing, answered, never_answered] =
      GENERATE(table<const char*, Timing, Duration, Duration>({
          {"client default", kClientDefaultTiming, 16500ms, 15250ms},
          {"client idle", kClientIdleTiming, 100s, 100s},
          {"server default", kServerDefaultTiming, 615500ms, 600750ms},
          {"server idle", kServerIdleTiming, 1000s, 1000s},
      }));
  CAPTURE(what);
  CHECK(timing.answered_timeout() == answered);
  CHECK(timing.never_answered_timeout() == never_answered);
  CHECK(live(timing, 30min).fails_after == answered);
  CHECK(live(timing, 0s).fails_after == never_answered);
}

TEST_CASE("after a miss the checks of a healthy pair come close together again") {
  const auto gaps = live(kClientDefaultTiming, 1min).gaps_after_outage;
  REQUIRE(gaps.size() == 11);
  CHECK(gaps[0] == 1500ms);
  CHECK(gaps[1] == 500ms);
  CHECK(gaps[2] == 1s);
  CHECK(gaps[3] == 1500ms);
}

TEST_CASE("a new timing set applies to the check that is already planned") {
  CandidatePair pair(local_host(), remote(1, 5), Role::kControlling, kStart);
  succeed(pair, kStart);
  pair.set_timing(kClientIdleTiming);
  CHECK(pair.next_at() == kStart + 25s);
  pair.set_timing(kClientDefaultTiming);
  CHECK(pair.next_at() == kStart + 250ms);
}

TEST_CASE("pairs are ordered by priority, and re-ordered when a role switches") {
  CheckList list(Role::kControlling);
  list.form(local_host(1, 10), remote(1, 20), kStart);
  list.form(local_host(2, 20), remote(2, 10), kStart);
  REQUIRE(list.pairs().size() == 2);
  // Equal but for the bit that goes to the larger controlling candidate.
  CHECK(list.pairs()[0].path().local == v4(1, 2));
  list.set_role(Role::kControlled);
  CHECK(list.pairs()[0].path().local == v4(1, 1));
}

TEST_CASE("one path is one pair, with the best candidates that describe it") {
  CheckList list(Role::kControlling);
  CandidatePair* pair =
      list.form(local_host(), remote(7, 900, CandidateKind::kPeerReflexive), kStart);
  succeed(*pair, kStart);
  list.form(local_host(), remote(8, 500), kStart);
  CHECK(list.pairs()[0].path().remote == v4(2, 7));
  list.form(local_host(), remote(7, 100, CandidateKind::kRelayed), kStart + 1s);
  REQUIRE(list.pairs().size() == 2);
  CHECK(list.pairs()[1].path().remote == v4(2, 7));
  CHECK(list.pairs()[1].priority() == pair_priority(Role::kControlling, 1000, 100));
  CHECK(list.pairs()[1].has_succeeded());
}

TEST_CASE("candidates of different families make no pair") {
  CheckList list(Role::kControlling);
  const SocketAddress six{Ipv6Address{{0x20, 0x01}}, 80};
  CHECK(list.form(local_host(), Candidate::remote(CandidateKind::kHost, six, 5), kStart) ==
        nullptr);
}

TEST_CASE("two relayed candidates make a pair beside that of the hosts") {
  CheckList list(Role::kControlling);
  const Candidate relay = Candidate::relayed(v4(9), IpFamily::kV4);
  CHECK(list.form(relay, remote(1, 5, CandidateKind::kRelayed), kStart) != nullptr);
  CHECK(list.form(local_host(), remote(1, 5, CandidateKind::kRelayed), kStart) != nullptr);
  CHECK(list.pairs().size() == 2);
}

TEST_CASE("a full list gives up failed pairs first, working and nominated ones never") {
  CheckList list(Role::kControlled);
  for (uint16_t port = 1; port <= kMaxPairs; ++port) {
    REQUIRE(list.form(local_host(), remote(port, port), kStart) != nullptr);
  }
  SECTION("the lowest pair makes room for a better one") {
    CHECK(list.form(local_host(), remote(1000, 500), kStart) != nullptr);
    CHECK(list.find({v4(1), v4(2, 1)}) == nullptr);
    CHECK(list.form(local_host(), remote(1001, 1), kStart) == nullptr);
  }
  SECTION("a failed pair makes room even for the lowest") {
    list.find({v4(1), v4(2, 60)})->fail();
    CHECK(list.form(local_host(), remote(1000, 1), kStart) != nullptr);
    CHECK(list.find({v4(1), v4(2, 60)}) == nullptr);
  }
  SECTION("the lowest pairs stay when they work or are nominated") {
    succeed(*list.find({v4(1), v4(2, 1)}), kStart);
    list.find({v4(1), v4(2, 2)})->nominate(1, kStart);
    CHECK(list.form(local_host(), remote(1000, 500), kStart) != nullptr);
    CHECK(list.find({v4(1), v4(2, 1)}) != nullptr);
    CHECK(list.find({v4(1), v4(2, 2)}) != nullptr);
    CHECK(list.find({v4(1), v4(2, 3)}) == nullptr);
  }
  CHECK(list.pairs().size() == kMaxPairs);
}

// --- The messages of a check, against published bytes.

const nlohmann::json& vector_named(const std::string& name) {
  return connlib::testing::named(connlib::testing::stun_vectors().at("messages"), name);
}
stun::IntegrityKey key_of(const nlohmann::json& vector) {
  return stun::IntegrityKey(connlib::testing::hex_bytes(vector.at("integrity_key")));
}
std::vector<uint8_t> bytes_of(const CheckMessage& message) {
  return {message.bytes().begin(), message.bytes().end()};
}

TEST_CASE("checks are written and read byte for byte as published") {
  const auto [name, role] = GENERATE(table<std::string, Role>({
      {"ice-check-request-controlling", Role::kControlling},
      {"ice-check-request-controlled", Role::kControlled},
  }));
  const auto& vector = vector_named(name);
  const auto bytes = connlib::testing::hex_bytes(vector.at("message"));
  const auto parsed = stun::parse_message(bytes);
  const auto check = read_check(std::get<stun::Message>(parsed));
  REQUIRE(check.has_value());
  CHECK(check->role == role);
  CHECK(check->tie_breaker == 0x8877665544332211);
  CHECK(check->use_candidate == (role == Role::kControlling));
  CHECK(check->receiver_ufrag == (role == Role::kControlling ? "Zy9+" : "aB3d"));
  CHECK(check->sender_ufrag == (role == Role::kControlling ? "aB3d" : "Zy9+"));
  auto key = key_of(vector);
  CHECK(bytes_of(CheckCodec::request(*check, key)) == bytes);
}

TEST_CASE("answers are written byte for byte as published") {
  const auto [name, mapped] = GENERATE(table<std::string, std::string>({
      {"ice-check-success", "198.51.100.7:52625"},
      {"ice-check-success-ipv6", "[2001:db8:7::7]:52625"},
      {"ice-check-487", ""},
  }));
  const auto& vector = vector_named(name);
  const auto bytes = connlib::testing::hex_bytes(vector.at("message"));
  const auto id = stun::parse_header(bytes)->transaction_id;
  auto key = key_of(vector);
  const CheckMessage message = mapped.empty()
                                   ? CheckCodec::role_conflict(id, key)
                                   : CheckCodec::success(id, *SocketAddress::parse(mapped), key);
  CHECK(bytes_of(message) == bytes);
}

}  // namespace
}  // namespace connlib::snownet::ice
