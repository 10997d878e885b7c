#include "connlib/model/public_key.h"

#include <catch2/catch.hpp>

namespace connlib {
namespace {

TEST_CASE("a public key reads and prints as wg does") {
  const char* text = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
  const auto key = PublicKey::parse_base64(text);
  REQUIRE(key.has_value());
  CHECK(to_text(*key) == text);
  CHECK(short_text(*key) == "xTIBA5rb");
  CHECK(key->bytes[0] == 0xc5);
}

TEST_CASE("text that is not 32 bytes of base64 is no public key") {
  const char* text = GENERATE("", "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg",
                              "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8D==",
                              "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8D!=",
                              "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8DgA=");
  CHECK_FALSE(PublicKey::parse_base64(text).has_value());
}

}  // namespace
}  // namespace connlib
