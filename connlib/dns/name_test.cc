#include "connlib/dns/name.h"

#include <vector>

#include <catch2/catch.hpp>

#include "tests/support/packets.h"

namespace connlib::dns {
namespace {

using connlib::testing::address;
using Bytes = std::vector<uint8_t>;

TEST_CASE("names are read as people write them, and written so") {
  const auto [text, wire, back] = GENERATE(table<std::string, std::string, std::string>({
      {"example.com", "\7example\3com", "example.com"},
      {"Example.COM.", "\7Example\3COM", "Example.COM"},
      {".", "", "."},
      {"a\\.b.c", "\3a.b\1c", "a\\.b.c"},
      {"\\065\\\\x", "\3A\\x", "A\\\\x"},
      {"sp\\032ace", "\6sp ace", "sp\\032ace"},
      {"_sip._udp.x", "\4_sip\4_udp\1x", "_sip._udp.x"},
  }));
  CAPTURE(text);
  const auto name = Name::parse(text);
  REQUIRE(name.has_value());
  CHECK(name->wire_text() == wire + '\0');
  CHECK(to_text(*name) == back);
}

TEST_CASE("what is no name is refused") {
  const std::string label(63, 'x');
  const std::string longest = label + '.' + label + '.' + label + '.' + std::string(61, 'x');
  CHECK(Name::parse(longest)->size() == Name::kMaxBytes);
  const auto text = GENERATE_COPY(values<std::string>(
      {"", "..", "a..b", ".a", "a\\", "a\\25", "a\\256", label + "x", longest + "x"}));
  CAPTURE(text);
  CHECK_FALSE(Name::parse(text).has_value());
}

TEST_CASE("case is kept, and means nothing to comparison or keys") {
  const Name upper = *Name::parse("WWW.eXample.com");
  const Name lower = *Name::parse("www.example.com");
  CHECK(upper == lower);
  CHECK(upper.wire_text() != lower.wire_text());
  CHECK(upper.lowered().wire_text() == lower.wire_text());
  CHECK_FALSE(upper == *Name::parse("www.example.org"));
  CHECK_FALSE(*Name::parse("a[") == *Name::parse("a{"));  // Neighbours of the letters.
}

TEST_CASE("addresses have reverse names, and those lead back") {
  const auto [text, reverse] = GENERATE(table<std::string, std::string>({
      {"100.96.0.1", "1.0.96.100.in-addr.arpa"},
      {"fd00:2021:1111:8000::1",
       "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.1.1.1.1.1.2.0.2.0.0.d.f.ip6.arpa"},
  }));
  const Name name = Name::reverse_of(address(text));
  CHECK(to_text(name) == reverse);
  CHECK(name.reverse_address() == address(text));
}

TEST_CASE("other names are no reverse names") {
  const auto text = GENERATE(values<std::string>(
      {"example.com", "in-addr.arpa", "1.0.0.127.in-addr.arpa.net", "2.0.0.127.ip6.arpa",
       "01.0.0.127.in-addr.arpa", "1.1.0.0.127.in-addr.arpa", "256.0.0.127.in-addr.arpa",
       "x.0.0.127.in-addr.arpa", "1.0.0.12\\007in-addr\\004arpa", "127.1\\007in-addr.arpa",
       "a-b.0.0.127.in-addr.arpa",
       "g.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.1.1.1.1.1.2.0.2.0.0.d.f.ip6.arpa"}));
  CAPTURE(text);
  CHECK_FALSE(Name::parse(text)->reverse_address().has_value());
  CHECK(Name::parse("1.0.0.127.IN-ADDR.ARPA")->reverse_address() == address("127.0.0.1"));
}

TEST_CASE("compressed names are followed, forwards never") {
  struct Row {
    const char* what;
    Bytes bytes;
    size_t offset;
    std::optional<size_t> end;
    const char* text;
  };
  const auto row = GENERATE(values<Row>({
      {"plain", {1, 'a', 0}, 0, 3, "a"},
      {"pointer", {1, 'a', 0, 1, 'b', 0xc0, 0, 9}, 3, 7, "b.a"},
      {"pointer to a pointer", {1, 'a', 0, 0xc0, 0, 0xc0, 3}, 5, 7, "a"},
      {"root", {0}, 0, 1, "."},
      {"to itself", {0xc0, 0}, 0, {}, ""},
      {"to its own start", {1, 'a', 0xc0, 0}, 0, {}, ""},
      {"to and fro", {1, 'a', 0xc0, 5, 0, 1, 'b', 0xc0, 0}, 5, {}, ""},
      {"runs on into itself", {2, 1, 0xc0, 0, 3, 'a', 'b', 'c', 0}, 2, {}, ""},
      {"runs on behind itself", {3, 'a', 0xc0, 0, 0}, 2, {}, ""},
      {"forwards", {0xc0, 2, 1, 'a', 0}, 0, {}, ""},
      {"beyond the end", {0xc3, 0xff}, 0, {}, ""},
      {"half a pointer", {1, 'a', 0, 0xc0}, 3, {}, ""},
      {"reserved label type", {0x41, 'a', 0}, 0, {}, ""},
      {"no end", {1, 'a'}, 0, {}, ""},
      {"label cut off", {2, 'a'}, 0, {}, ""},
      {"empty", {}, 0, {}, ""},
      {"offset beyond", {0}, 7, {}, ""},
  }));
  CAPTURE(row.what);
  Name name;
  CHECK(read_name(row.bytes, row.offset, &name) == row.end);
  CHECK(read_name(row.bytes, row.offset, nullptr) == row.end);
  if (row.end) CHECK(to_text(name) == row.text);
}

TEST_CASE("a name longer than 255 bytes is refused wherever its parts lie") {
  Bytes bytes;
  for (int i = 0; i < 4; ++i) {
    bytes.push_back(63);
    bytes.insert(bytes.end(), 63, 'x');
  }
  bytes.push_back(0);
  CHECK_FALSE(read_name(bytes, 0, nullptr).has_value());
  CHECK(read_name(bytes, 64, nullptr) == bytes.size());
  const auto start = bytes.size();
  bytes.insert(bytes.end(), {63});
  bytes.insert(bytes.end(), 63, 'y');
  bytes.insert(bytes.end(), {0xc0, 64});
  CHECK_FALSE(read_name(bytes, start, nullptr).has_value());
}

TEST_CASE("a long chain of pointers is not walked to its end") {
  Bytes bytes{0};
  for (size_t i = 0; i < 4000; ++i) {
    const size_t target = i == 0 ? 0 : bytes.size() - 2;
    bytes.push_back(static_cast<uint8_t>(0xc0 | target >> 8));
    bytes.push_back(static_cast<uint8_t>(target));
  }
  CHECK(read_name(bytes, 1 + 2 * 126, nullptr).has_value());
  CHECK_FALSE(read_name(bytes, 1 + 2 * 127, nullptr).has_value());
  CHECK_FALSE(read_name(bytes, bytes.size() - 2, nullptr).has_value());
}

}  // namespace
}  // namespace connlib::dns
