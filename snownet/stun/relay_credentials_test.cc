#include "snownet/stun/relay_credentials.h"

#include <string>

#include <catch2/catch.hpp>

namespace connlib::snownet::stun {
namespace {

TEST_CASE("a relay username is an unsigned decimal, one colon and a salt") {
  const auto [text, expiry] = GENERATE(table<std::string, std::optional<uint64_t>>({
      {"0:s", 0},
      {"18446744073709551615:s", UINT64_MAX},
      {"007:s", 7},
      {"", std::nullopt},
      {":", std::nullopt},
      {"1", std::nullopt},
      {"+1:s", std::nullopt},
      {" 1:s", std::nullopt},
      {"1 :s", std::nullopt},
      {"0x1:s", std::nullopt},
      {"1:s:", std::nullopt},
      {"18446744073709551616:s", std::nullopt},
      {std::string("1\0:s", 4), std::nullopt},
  }));
  CAPTURE(text);
  const auto username = RelayUsername::parse(text);
  REQUIRE(username.has_value() == expiry.has_value());
  if (username) {
    CHECK(username->expires_at_unix_seconds == *expiry);
    CHECK(username->salt == "s");
  }
}

TEST_CASE("expiry, secret and salt all change a relay password") {
  const RelayUsername username{.expires_at_unix_seconds = 1'900'000'000, .salt = "salt"};
  const std::string password(RelayPassword(username, "secret").text());
  CHECK(password.size() == 43);
  CHECK(password.find('=') == std::string::npos);
  CHECK(RelayPassword({1'900'000'001, "salt"}, "secret").text() != password);
  CHECK(RelayPassword({1'900'000'000, "Salt"}, "secret").text() != password);
  CHECK(RelayPassword(username, "Secret").text() != password);
  CHECK(RelayPassword(username, "secret").text() == password);
}

}  // namespace
}  // namespace connlib::snownet::stun
