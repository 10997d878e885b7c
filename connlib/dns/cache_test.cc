#include "connlib/dns/cache.h"

#include <array>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/dns/message_builder.h"
#include "tests/support/packets.h"
#include "tests/support/start_time.h"

namespace connlib::dns {
namespace {

using connlib::testing::address;
using connlib::testing::kStart;
using Bytes = std::vector<uint8_t>;

const Question kAsked{*Name::parse("www.example.com"), RecordType::kA, RecordClass::kIn};

template <typename Build>
Bytes message(const Header& header, Build build) {
  Bytes buffer(16'384);
  MessageBuilder builder(buffer, header);
  build(builder);
  const auto written = builder.finish();
  REQUIRE(written.has_value());
  return {written->begin(), written->end()};
}
Bytes query(const Question& question = kAsked, uint16_t id = 9, std::optional<Edns> edns = {}) {
  return message({.id = id, .recursion_desired = true}, [&](MessageBuilder& b) {
    b.add_question(question);
    if (edns) b.add_edns(*edns);
  });
}
constexpr Header kReply{.id = 1, .is_response = true, .is_authoritative = true};
Header reply(ResponseCode code) {
  Header header = kReply;
  header.code = code;
  return header;
}
Bytes positive(uint32_t ttl) {
  return message(kReply, [&](MessageBuilder& b) {
    b.add_question(kAsked).add_address(kAsked.name, address("192.0.2.1"), ttl);
    b.add(Section::kAuthority, Name(), {RecordType::kNs, 99}, Bytes{0});
    b.add_edns({});
  });
}
void add_soa(MessageBuilder& b, uint32_t ttl, uint32_t minimum) {
  Bytes rdata(22);
  store_be32(&rdata[18], minimum);
  b.add(Section::kAuthority, *Name::parse("example.com"), {RecordType::kSoa, ttl}, rdata);
}

std::optional<Bytes> find(Cache& cache, Timestamp now, const Bytes& asked) {
  std::array<uint8_t, 8192> out{};
  const auto found = cache.find(now, *Message::parse(asked), out);
  if (!found) return std::nullopt;
  return Bytes(found->begin(), found->end());
}
void insert(Cache& cache, const Bytes& response, Timestamp now = kStart) {
  cache.insert(now, *Message::parse(response));
}

TEST_CASE("a kept answer comes back for the asker, its TTL less by whole seconds") {
  Cache cache;
  insert(cache, positive(60));
  const auto [after, ttl] = GENERATE(
      table<Duration, uint32_t>({{0s, 60}, {999ms, 60}, {1s, 59}, {30500ms, 30}, {60s - 1ns, 1}}));
  const auto found =
      find(cache, kStart + after, query({*Name::parse("WWW.Example.com"), RecordType::kA}, 77));
  REQUIRE(found.has_value());
  const auto answer = Message::parse(*found);
  CHECK(answer->id() == 77);
  CHECK(to_text(answer->question()->name) == "WWW.Example.com");
  CHECK_FALSE(answer->header().is_authoritative);
  const Record record = *answer->records(Section::kAnswer).begin();
  CHECK(record.ttl_seconds() == ttl);
  CHECK(record.address() == address("192.0.2.1"));
  CHECK(answer->records(Section::kAuthority).size() == 0);
  CHECK(answer->records(Section::kAdditional).size() == 0);
}

TEST_CASE("an answer is gone with its TTL") {
  Cache cache;
  insert(cache, positive(60));
  CHECK_FALSE(find(cache, kStart + 60s, query()).has_value());
  CHECK(cache.size() == 0);
}

TEST_CASE("who asks with EDNS is answered with EDNS, and signatures are another question") {
  Cache cache;
  insert(cache, positive(60));
  const auto with_edns = find(cache, kStart, query(kAsked, 1, Edns{}));
  REQUIRE(with_edns.has_value());
  CHECK(Message::parse(*with_edns)->edns().has_value());
  CHECK_FALSE(find(cache, kStart, query(kAsked, 1, Edns{.dnssec_ok = true})).has_value());
}

TEST_CASE("only what may be kept is kept") {
  Bytes bytes;
  std::string what;
  SECTION("TTL below five seconds") { bytes = positive(4); }
  SECTION("the stub's own TTL") { bytes = positive(1); }
  SECTION("an error") {
    bytes = message(reply(ResponseCode::kServerFailure), [](MessageBuilder& b) {
      b.add_question(kAsked).add_address(kAsked.name, address("192.0.2.1"), 60);
      add_soa(b, 60, 60);
    });
  }
  SECTION("truncated") {
    Header header = kReply;
    header.is_truncated = true;
    bytes = message(header, [](MessageBuilder& b) {
      b.add_question(kAsked).add_address(kAsked.name, address("192.0.2.1"), 60);
    });
  }
  SECTION("no record of the type, and no SOA") {
    bytes = message(kReply, [](MessageBuilder& b) {
      b.add_question(kAsked).add_target(Section::kAnswer, kAsked.name, {RecordType::kCname, 60},
                                        Name());
    });
  }
  SECTION("a query") {
    bytes = message({}, [](MessageBuilder& b) {
      b.add_question(kAsked).add_address(kAsked.name, address("192.0.2.1"), 60);
    });
  }
  SECTION("longer than the limit") {
    bytes = message(kReply, [](MessageBuilder& b) {
      b.add_question(kAsked);
      for (int i = 0; i < 300; ++i) b.add_address(kAsked.name, address("192.0.2.1"), 60);
    });
  }
  SECTION("two questions") {
    bytes = message(kReply, [](MessageBuilder& b) {
      b.add_question(kAsked).add_question(kAsked);
      b.add_address(kAsked.name, address("192.0.2.1"), 60);
    });
  }
  REQUIRE(Message::parse(bytes).has_value());
  Cache cache;
  insert(cache, bytes);
  CHECK(cache.size() == 0);
}

TEST_CASE("the least TTL of the wanted type decides") {
  Cache cache;
  insert(cache, message(kReply, [](MessageBuilder& b) {
           b.add_question(kAsked);
           b.add_target(Section::kAnswer, kAsked.name, {RecordType::kCname, 2}, Name());
           b.add_address(Name(), address("192.0.2.1"), 50).add_address(Name(), address("::1"), 3);
           b.add_address(Name(), address("192.0.2.2"), 20);
         }));
  CHECK(find(cache, kStart + 20s - 1ns, query()).has_value());
  CHECK_FALSE(find(cache, kStart + 20s, query()).has_value());
}

TEST_CASE("absence is remembered as long as the zone's SOA allows") {
  const auto code = GENERATE(ResponseCode::kNoError, ResponseCode::kNameError);
  const auto [ttl, minimum, expect] = GENERATE(table<uint32_t, uint32_t, Duration>(
      {{60, 30, 30s}, {20, 30, 20s}, {9999, 9999, 300s}, {60, 4, 0s}}));
  Cache cache;
  insert(cache, message(reply(code), [&, t = ttl, m = minimum](MessageBuilder& b) {
           b.add_question(kAsked);
           add_soa(b, t, m);
         }));
  if (expect == 0s) {
    CHECK(cache.size() == 0);
    return;
  }
  const auto found = find(cache, kStart + expect - 1ns, query());
  REQUIRE(found.has_value());
  CHECK(Message::parse(*found)->header().code == code);
  CHECK(Message::parse(*found)->records(Section::kAuthority).size() == 1);
  CHECK_FALSE(find(cache, kStart + expect, query()).has_value());
}

TEST_CASE("a full cache lets go of what expires first") {
  Cache cache;
  for (size_t i = 0; i <= Cache::kMaxEntries; ++i) {
    const Question question{*Name::parse(std::to_string(i)), RecordType::kA};
    insert(cache, message(kReply, [&](MessageBuilder& b) {
             const auto ttl = static_cast<uint32_t>(i == 500 ? 10 : 1000 + i);
             b.add_question(question).add_address(question.name, address("192.0.2.1"), ttl);
           }));
  }
  CHECK(cache.size() == Cache::kMaxEntries);
  CHECK_FALSE(find(cache, kStart, query({*Name::parse("500"), RecordType::kA})).has_value());
  CHECK(find(cache, kStart, query({*Name::parse("0"), RecordType::kA})).has_value());
  cache.clear();
  CHECK_FALSE(find(cache, kStart, query({*Name::parse("0"), RecordType::kA})).has_value());
}

TEST_CASE("a newer answer replaces an older one") {
  Cache cache;
  insert(cache, positive(600));
  insert(cache, positive(10), kStart + 1s);
  CHECK(cache.size() == 1);
  CHECK_FALSE(find(cache, kStart + 11s, query()).has_value());
}

}  // namespace
}  // namespace connlib::dns
