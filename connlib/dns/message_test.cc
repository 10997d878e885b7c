#include "connlib/dns/message.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/dns/message_builder.h"
#include "connlib/dns/message_edit.h"
#include "tests/support/packets.h"

namespace connlib::dns {
namespace {

using connlib::testing::address;
using Bytes = std::vector<uint8_t>;

const Question kQuestion{*Name::parse("Www.Example.com"), RecordType::kA, RecordClass::kIn};
const Header kQuery{.id = 0x1234, .recursion_desired = true};

Bytes build(const Header& header, auto&&... steps) {
  Bytes buffer(4096);
  MessageBuilder builder(buffer, header);
  (steps(builder), ...);
  const auto message = builder.finish();
  REQUIRE(message.has_value());
  return {message->begin(), message->end()};
}

const auto kAsk = [](MessageBuilder& b) { b.add_question(kQuestion); };

// A reply with every section in use.
Bytes full_reply() {
  return build(Header::answer_to(kQuery, ResponseCode::kNoError), kAsk, [](MessageBuilder& b) {
    b.add_target(Section::kAnswer, kQuestion.name, {RecordType::kCname, 300},
                 *Name::parse("cdn.Example.com"));
    b.add_address(*Name::parse("cdn.Example.com"), address("192.0.2.1"), 60);
    b.add_address(*Name::parse("cdn.Example.com"), address("2001:db8::1"), 2);
    b.add_target(Section::kAuthority, *Name::parse("Example.com"), {RecordType::kNs, 9},
                 *Name::parse("ns.other"));
    b.add_edns({.udp_payload_bytes = 1232, .dnssec_ok = true});
  });
}

TEST_CASE("a query says what it asks, in the case it came with") {
  const auto bytes = build(kQuery, kAsk);
  const auto message = Message::parse(bytes);
  REQUIRE(message.has_value());
  CHECK(message->header() == kQuery);
  CHECK(message->question_count() == 1);
  CHECK(message->question() == kQuestion);
  CHECK(message->question()->name.wire_text() == kQuestion.name.wire_text());
  CHECK_FALSE(message->edns().has_value());
  CHECK(message->questions_end() == bytes.size());
}

TEST_CASE("a reply gives back records, targets and EDNS, compressed on the wire") {
  const auto bytes = full_reply();
  const auto message = Message::parse(bytes);
  REQUIRE(message.has_value());
  CHECK(message->header().is_response);
  CHECK(message->records(Section::kAnswer).size() == 3);
  auto at = message->records(Section::kAnswer).begin();
  CHECK((*at).owner().wire_text() == kQuestion.name.wire_text());
  CHECK(to_text(*(*at).target()) == "cdn.Example.com");
  CHECK_FALSE((*at).address().has_value());
  ++at;
  CHECK((*at).address() == address("192.0.2.1"));
  CHECK((*at).ttl_seconds() == 60);
  ++at;
  CHECK((*at).address() == address("2001:db8::1"));
  const Record authority = *message->records(Section::kAuthority).begin();
  CHECK(to_text(authority.owner()) == "Example.com");
  CHECK(authority.type() == RecordType::kNs);
  CHECK(message->edns() == Edns{.udp_payload_bytes = 1232, .dnssec_ok = true});
  // Header, question, 4 records of 10 fixed bytes and OPT; only "cdn", "ns.other" and 4 pointers.
  CHECK(bytes.size() == 12 + 21 + (2 + 10 + 6) + (2 + 10 + 4) + (2 + 10 + 16) + (2 + 10 + 10) + 11);
}

TEST_CASE("names that differ in case are not merged") {
  const auto bytes = build(
      Header::answer_to(kQuery, ResponseCode::kNoError), kAsk,
      [](MessageBuilder& b) { b.add_address(*Name::parse("www.example.com"), address("::1"), 1); });
  const auto message = Message::parse(bytes);
  const Record record = *message->records(Section::kAnswer).begin();
  CHECK(to_text(record.owner()) == "www.example.com");
}

TEST_CASE("a message that is cut anywhere does not parse, and a longer one is trimmed") {
  auto bytes = full_reply();
  for (size_t i = 0; i < bytes.size(); ++i) {
    CHECK_FALSE(Message::parse(std::span(bytes).first(i)).has_value());
  }
  const size_t size = bytes.size();
  bytes.insert(bytes.end(), 5, 0xff);
  CHECK(Message::parse(bytes)->bytes().size() == size);
}

TEST_CASE("counts that lie are found out") {
  auto bytes = full_reply();
  const auto at = GENERATE(values<size_t>({4, 6, 8, 10}));
  const auto more = GENERATE(values<uint8_t>({9, 200, 255}));
  bytes[at] = more;
  CHECK_FALSE(Message::parse(bytes).has_value());
}

TEST_CASE("EDNS is taken once and from its place only") {
  const auto [section, times, expect] = GENERATE(table<Section, int, bool>({
      {Section::kAdditional, 1, true},
      {Section::kAdditional, 2, false},
      {Section::kAnswer, 1, false},
      {Section::kAuthority, 1, false},
  }));
  const auto bytes = build(kQuery, kAsk, [&, s = section, n = times](MessageBuilder& b) {
    for (int i = 0; i < n; ++i) b.add(s, Name(), {RecordType::kOpt}, {});
  });
  CHECK(Message::parse(bytes).has_value() == expect);
}

TEST_CASE("a message may have no question or several, and the first one counts") {
  const Bytes empty(12);
  REQUIRE(Message::parse(empty).has_value());
  CHECK_FALSE(Message::parse(empty)->question().has_value());
  const auto two = build(kQuery, kAsk, [](MessageBuilder& b) { b.add_question({}); });
  CHECK(Message::parse(two)->question_count() == 2);
  CHECK(Message::parse(two)->question() == kQuestion);
}

TEST_CASE("the builder never writes past its buffer and refuses a wrong order") {
  const size_t whole = full_reply().size();
  for (size_t room = 0; room < whole; ++room) {
    Bytes buffer(room + 1, 0xee);
    const auto out = std::span(buffer).first(room);
    MessageBuilder builder(out, Header::answer_to(kQuery, ResponseCode::kNoError));
    builder.add_question(kQuestion);
    for (int i = 0; i < 8; ++i) builder.add_address(kQuestion.name, address("192.0.2.1"), 60);
    CHECK_FALSE(builder.finish().has_value());
    CHECK(buffer[room] == 0xee);
  }
  Bytes buffer(512);
  MessageBuilder builder(buffer, kQuery);
  builder.add_edns({}).add_question(kQuestion);
  CHECK_FALSE(builder.finish().has_value());
}

TEST_CASE("aged records lose what passed and stop at zero, EDNS stays") {
  auto bytes = full_reply();
  const auto edns = Message::parse(bytes)->edns();
  age(bytes, 5);
  std::vector<uint32_t> ttls;
  const auto message = Message::parse(bytes);
  for (const Record r : message->records(Section::kAnswer)) ttls.push_back(r.ttl_seconds());
  for (const Record r : message->records(Section::kAuthority)) ttls.push_back(r.ttl_seconds());
  CHECK(ttls == std::vector<uint32_t>{295, 55, 0, 4});
  CHECK(message->edns() == edns);
}

TEST_CASE("a truncated message is its question with TC set") {
  auto bytes = full_reply();
  set_id(bytes, 0xbeef);
  const auto cut = truncate(bytes);
  const auto message = Message::parse(cut);
  REQUIRE(message.has_value());
  CHECK(message->id() == 0xbeef);
  CHECK(message->header().is_truncated);
  CHECK(message->question() == kQuestion);
  CHECK(Bytes(cut.begin() + 4, cut.begin() + 12) == Bytes{0, 1, 0, 0, 0, 0, 0, 0});
  CHECK(cut.size() == message->questions_end());
}

TEST_CASE("no name points into the header, which we edit") {
  Bytes bytes = build(kQuery, kAsk);
  bytes.insert(bytes.end(), {0xc0, 0x0b, 0, 1, 0, 1, 0, 0, 0, 9, 0, 0});
  bytes[7] = 1;
  CHECK_FALSE(Message::parse(bytes).has_value());
  bytes[bytes.size() - 11] = 0x0c;
  CHECK(Message::parse(bytes).has_value());
}

TEST_CASE("ageing survives names that point into the TTLs it changes") {
  // The second owner points into the first TTL, whose byte 1 becomes 0: or, when it is 0x40, not.
  Bytes bytes = build(kQuery, kAsk);
  const auto ttl = static_cast<uint8_t>(bytes.size() + 2 + 4);
  bytes.insert(bytes.end(), {0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 0, 0, 0});
  bytes.insert(bytes.end(), {0xc0, ttl, 0, 1, 0, 1, 1, 1, 1, 1, 0, 0});
  bytes.insert(bytes.end(), {0xc0, static_cast<uint8_t>(ttl + 2), 0, 1, 0, 1, 1, 1, 1, 1, 0, 0});
  bytes[7] = 3;
  REQUIRE(Message::parse(bytes).has_value());
  for (const uint32_t seconds : {1u, 255u, 300u, 0xffff'ffffu}) {
    auto aged = bytes;
    age(aged, seconds);
    CHECK(aged.size() == bytes.size());
    CHECK(aged[12] == bytes[12]);
  }
}

TEST_CASE("rdata of the wrong size is no address, name or SOA") {
  const Bytes three{1, 2, 3};
  const Bytes loop{0xc0, 0xff};
  const auto bytes = build(kQuery, kAsk, [&](MessageBuilder& b) {
    b.add(Section::kAnswer, Name(), {RecordType::kA}, three);
    b.add(Section::kAnswer, Name(), {RecordType::kAaaa}, three);
    b.add(Section::kAnswer, Name(), {RecordType::kCname}, loop);
    b.add(Section::kAnswer, Name(), {RecordType::kPtr}, Bytes{0, 0});
    b.add(Section::kAnswer, Name(), {RecordType::kSoa}, Bytes(21));
  });
  const auto message = Message::parse(bytes);
  REQUIRE(message.has_value());
  for (const Record record : message->records(Section::kAnswer)) {
    CHECK_FALSE(record.address().has_value());
    CHECK_FALSE(record.target().has_value());
    CHECK_FALSE(record.soa_minimum_seconds().has_value());
  }
}

TEST_CASE("64 KiB of the dearest owners a sender can make still parse, by bounded work") {
  // Every owner is the longest chain of pointers that is followed, hidden in the first rdata.
  Bytes message(12);
  message.insert(message.end(), {0, 0, 1, 0, 1});
  message.insert(message.end(), {0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 252});
  for (int i = 0; i < 126; ++i) {
    const size_t to = i == 0 ? 12 : message.size() - 2;
    message.push_back(static_cast<uint8_t>(0xc0 | to >> 8));
    message.push_back(static_cast<uint8_t>(to));
  }
  const size_t last = message.size() - 2;
  uint16_t count = 1;
  while (message.size() + 12 <= 65'535) {
    message.insert(message.end(), {static_cast<uint8_t>(0xc0 | last >> 8),
                                   static_cast<uint8_t>(last), 0, 16, 0, 1, 0, 0, 0, 0, 0, 0});
    ++count;
  }
  message[5] = 1;
  message[6] = static_cast<uint8_t>(count >> 8);
  message[7] = static_cast<uint8_t>(count);
  const auto parsed = Message::parse(message);
  REQUIRE(parsed.has_value());
  CHECK(parsed->records(Section::kAnswer).size() == count);
  CHECK(count > 5000);
}

}  // namespace
}  // namespace connlib::dns
