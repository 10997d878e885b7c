#include "connlib/nat/translations.h"

#include <catch2/catch.hpp>

#include "tests/support/packets.h"

namespace connlib::nat {
namespace {

using testing::address;

std::vector<IpAddress> ips(const std::vector<const char*>& texts) {
  std::vector<IpAddress> out;
  for (const char* text : texts) out.push_back(address(text));
  return out;
}

const auto kFour = ips({"100.96.0.1", "100.96.0.2", "100.96.0.3", "100.96.0.4"});

std::string real_of(const Translations& translations, const char* proxy) {
  const auto real = translations.find(address(proxy));
  return real ? to_text(*real) : "-";
}

}  // namespace

TEST_CASE("one real address serves all proxies of a name") {
  Translations translations;
  REQUIRE(translations.install("a", kFour, ips({"203.0.113.1"})));
  for (const IpAddress& proxy : kFour) CHECK(translations.find(proxy) == address("203.0.113.1"));
}

TEST_CASE("real addresses are dealt to proxies in turn, whatever the order of the proxies") {
  Translations translations;
  REQUIRE(translations.install("a", ips({"100.96.0.4", "100.96.0.2", "100.96.0.1", "100.96.0.3"}),
                               ips({"203.0.113.1", "203.0.113.2", "203.0.113.1", "203.0.113.3"})));
  CHECK(real_of(translations, "100.96.0.1") == "203.0.113.1");
  CHECK(real_of(translations, "100.96.0.2") == "203.0.113.2");
  CHECK(real_of(translations, "100.96.0.3") == "203.0.113.3");
  CHECK(real_of(translations, "100.96.0.4") == "203.0.113.1");
}

TEST_CASE("surplus real addresses are unused") {
  Translations translations;
  REQUIRE(translations.install("a", ips({"100.96.0.1"}), ips({"203.0.113.1", "203.0.113.2"})));
  CHECK(real_of(translations, "100.96.0.1") == "203.0.113.1");
}

TEST_CASE("families are never mixed, and one without records leads nowhere") {
  Translations translations;
  REQUIRE(translations.install("a", ips({"100.96.0.1", "fd00:2021:1111:8000::"}),
                               ips({"2001:db8::1"})));
  CHECK(real_of(translations, "100.96.0.1") == "-");
  CHECK(real_of(translations, "fd00:2021:1111:8000::") == "2001:db8::1");
  CHECK(translations.domain_of(address("100.96.0.1")) == "a");
}

TEST_CASE("a later resolution leads elsewhere, to nothing too") {
  Translations translations;
  REQUIRE(translations.install("a", kFour, ips({"203.0.113.1"})));
  REQUIRE(translations.install("a", kFour, ips({"203.0.113.2"})));
  CHECK(real_of(translations, "100.96.0.1") == "203.0.113.2");
  REQUIRE(translations.install("a", kFour, {}));
  CHECK(real_of(translations, "100.96.0.1") == "-");
}

TEST_CASE("a proxy of another name is noticed") {
  Translations translations;
  REQUIRE(translations.install("a", kFour, {}));
  CHECK_FALSE(translations.has_other_domain("a", kFour));
  CHECK(translations.has_other_domain("b", ips({"100.96.0.9", "100.96.0.4"})));
  CHECK_FALSE(translations.has_other_domain("b", ips({"100.96.0.9"})));
}

TEST_CASE("a name cannot lead to the gateway itself, to other clients or to the local link") {
  const auto* forbidden = GENERATE(
      "127.0.0.1", "0.0.0.0", "0.1.2.3", "169.254.169.254", "224.0.0.1", "255.255.255.255",
      "100.64.0.5", "100.96.0.7", "100.100.111.1", "::", "::1", "fe80::1", "ff02::1",
      "fd00:2021:1111::5", "fd00:2021:1111:8000::7", "::ffff:127.0.0.1", "::ffff:203.0.113.1");
  CAPTURE(forbidden);
  CHECK_FALSE(is_resolvable(address(forbidden)));
  Translations translations;
  REQUIRE(
      translations.install("a", ips({"100.96.0.1", "fd00:2021:1111:8000::"}), ips({forbidden})));
  CHECK(real_of(translations, "100.96.0.1") == "-");
  CHECK(real_of(translations, "fd00:2021:1111:8000::") == "-");
}

TEST_CASE("a name may lead to private networks: that is what resources are for") {
  for (const char* text : {"10.0.0.1", "192.168.1.1", "172.16.0.1", "fd12::1", "2001:db8::1"}) {
    CHECK(is_resolvable(address(text)));
  }
}

TEST_CASE("a client has a limited number of proxies, and known ones are still updated") {
  Translations translations(4);
  REQUIRE(translations.install("a", kFour, {}));
  CHECK_FALSE(translations.install("b", ips({"100.96.0.5"}), ips({"203.0.113.1"})));
  CHECK(translations.size() == 4);
  CHECK(translations.install("a", kFour, ips({"203.0.113.1"})));
  CHECK(real_of(translations, "100.96.0.4") == "203.0.113.1");
}

}  // namespace connlib::nat
