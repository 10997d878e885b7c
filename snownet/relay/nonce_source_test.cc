#include "snownet/relay/nonce_source.h"

#include <string>

#include <catch2/catch.hpp>

namespace connlib::snownet::relay {
namespace {

const Timestamp kNow = Timestamp::from_nanoseconds(3'600'000'000'000 + 17);  // Early in an epoch.
const SocketAddress kClient = *SocketAddress::parse("198.41.0.4:40001");

TEST_CASE("a nonce is good for this epoch and the next, from this socket") {
  SeededRandom random(1);
  const NonceSource nonces(random);
  const Nonce nonce = nonces.issue(kNow, kClient);
  CHECK(nonce.text().size() == 12);
  auto [after, good] = GENERATE(table<Duration, bool>(
      {{0s, true}, {9min, true}, {11min, true}, {19min, true}, {20min, false}, {24h, false}}));
  CAPTURE(after);
  CHECK(nonces.accepts(kNow + after, kClient, nonce.text()) == good);
}

TEST_CASE("a nonce is worth nothing from another socket, altered, or after a restart") {
  SeededRandom random(1);
  const NonceSource nonces(random);
  const std::string nonce(nonces.issue(kNow, kClient).text());
  CHECK_FALSE(nonces.accepts(kNow, {kClient.ip, 40002}, nonce));
  CHECK_FALSE(nonces.accepts(kNow, *SocketAddress::parse("198.41.0.5:40001"), nonce));
  CHECK_FALSE(nonces.accepts(kNow, kClient, ""));
  CHECK_FALSE(nonces.accepts(kNow, kClient, nonce + "A"));
  CHECK_FALSE(nonces.accepts(kNow, kClient, "6cb1f5ba-4f7b-4f6e-9c2c-0d4f6c0a7e55"));
  std::string altered = nonce;
  altered[3] = altered[3] == 'A' ? 'B' : 'A';
  CHECK_FALSE(nonces.accepts(kNow, kClient, altered));
  const NonceSource restarted(random);
  CHECK_FALSE(restarted.accepts(kNow, kClient, nonce));
}

}  // namespace
}  // namespace connlib::snownet::relay
