// What an allocation makes of relays that reboot, fall silent, refuse or disagree.
#include <catch2/catch.hpp>

#include "snownet/turn/lab.h"

namespace connlib::snownet::turn {
namespace {

using stun::ErrorCode;
using stun::Method;
using testing::address;
using testing::credentials;
using testing::kLocal;
using testing::kPeer;
using testing::kRelay;
using testing::kRelay6;
using testing::Lab;

TEST_CASE("a relay that rebooted with its secret is noticed within a minute and a half") {
  Lab lab;
  lab.allocated();
  lab.allocation.bind_channel(lab.now, kPeer);
  lab.run_for(1s);
  lab.relay.reboot("secret");
  lab.run_for(90s);
  CHECK(lab.taken<RelayedAddressRemoved>().size() == 1);
  CHECK(lab.taken<RelayedAddressAdded>().size() == 2);
  CHECK(lab.relay.channels.size() == 1);  // Bound again without being asked.
  CHECK(lab.allocation.route_to(lab.now, kPeer).has_value());
}

TEST_CASE("a relay that rebooted with another secret is given up soon after it was asked") {
  Lab lab;
  lab.allocated();
  lab.relay.reboot("another");
  lab.allocation.check(lab.now);
  lab.run_for(2s);
  CHECK(lab.taken<CredentialsOutdated>().size() == 1);  // Two answers that do not verify.
  CHECK(lab.allocation.is_allocated());                 // Which anybody might have sent.
  lab.run_for(7s);
  CHECK(lab.taken<RelayedAddressRemoved>().size() == 1);
  CHECK(lab.allocation.failure() == Failure::kNoResponse);
  SECTION("and works again under the new credentials") {
    lab.allocation.set_credentials(lab.now, credentials("another"));
    lab.allocated();
    CHECK_FALSE(lab.allocation.failure().has_value());
  }
}

TEST_CASE("new credentials replace the allocation; what the network sees stays known") {
  Lab lab;
  lab.allocated();
  lab.relay.reboot("another");
  lab.allocation.set_credentials(lab.now, credentials("another", "2:salt"));
  lab.run_for(200ms);
  CHECK(lab.taken<RelayedAddressRemoved>().size() == 1);
  CHECK(lab.taken<RelayedAddressAdded>().size() == 2);
  CHECK(lab.taken<AddressDiscovered>().size() == 1);
  CHECK(lab.relay.count(Method::kBinding) == 1);
  const size_t before = lab.sent.size();
  lab.allocation.set_credentials(lab.now, credentials("another", "2:salt"));
  lab.run_for(1s);
  CHECK(lab.sent.size() == before);
}

TEST_CASE("renewed credentials on a living relay: the old allocation is deleted first") {
  Lab lab;
  lab.allocated();
  lab.allocation.set_credentials(lab.now, credentials("secret", "2:salt"));
  lab.run_for(500ms);
  CHECK(lab.allocation.is_allocated());
  size_t deletions = 0;
  for (const auto& seen : lab.relay.seen) deletions += seen.lifetime == 0s ? 1u : 0u;
  CHECK(deletions == 1);
}

// Whoever wakes up or roams gets another account from the portal, and waits for its relay.
TEST_CASE("renewed credentials cost two round trips: the relay's nonce is known") {
  Lab lab;
  lab.allocated();
  const size_t before = lab.relay.count(Method::kAllocate);
  lab.allocation.set_credentials(lab.now, credentials("secret", "2:salt"));
  lab.run_for(4 * lab.latency);
  CHECK(lab.allocation.is_allocated());
  CHECK(lab.relay.count(Method::kAllocate) == before + 1);
}

TEST_CASE("other credentials wait until a relay that knows owners took the old allocation back") {
  auto [what, is_nonce_stale, is_challenge_signed] = GENERATE(table<const char*, bool, bool>({
      {"at once", false, true},
      {"after a fresh nonce", true, true},
      {"after a fresh nonce of a standard server", true, false},
  }));
  CAPTURE(what);
  Lab lab;
  lab.relay.is_like_coturn = true;
  lab.relay.signs_challenges = is_challenge_signed;
  lab.allocated();
  lab.allocation.bind_channel(lab.now, kPeer);
  lab.run_for(200ms);
  if (is_nonce_stale) lab.relay.nonce = "nonce-2";
  lab.allocation.set_credentials(lab.now, credentials("secret", "2:salt"));
  lab.run_for(500ms);
  CHECK(lab.allocation.is_allocated());
  CHECK(lab.allocation.route_to(lab.now, kPeer).has_value());
  CHECK(lab.taken<CredentialsOutdated>().empty());
}

TEST_CASE("other credentials do not wait for a relay that does not answer the old ones") {
  auto [what, silence] = GENERATE(table<const char*, bool>({
      {"it lost what it knew, and its secret", false},
      {"it says nothing", true},
  }));
  CAPTURE(what);
  Lab lab;
  lab.allocated();
  lab.relay.reboot("another");
  if (silence) lab.relay.is_silent_to = [](Method method) { return method == Method::kRefresh; };
  lab.allocation.set_credentials(lab.now, credentials("another", "2:salt"));
  lab.run_for(silence ? 1200ms : 200ms);
  CHECK(lab.allocation.is_allocated());
  CHECK_FALSE(lab.allocation.failure().has_value());
}

TEST_CASE("credentials that change twice leave nothing behind at the relay") {
  Lab lab;
  lab.relay.is_like_coturn = true;
  lab.allocated();
  lab.allocation.set_credentials(lab.now, credentials("secret", "2:salt"));
  lab.allocation.set_credentials(lab.now, credentials("secret", "3:salt"));
  lab.run_for(500ms);
  CHECK(lab.allocation.is_allocated());
}

TEST_CASE("an allocation from before that coturn remembers is deleted, then made anew") {
  Lab lab;
  lab.relay.is_like_coturn = true;
  lab.relay.signs_challenges = false;
  lab.relay.wants_bare_request = true;
  lab.allocated();
  lab.allocation.restart(lab.now);  // On the same port.
  lab.run_for(500ms);
  CHECK(lab.allocation.is_allocated());
}

TEST_CASE("an unsigned 437 to an Allocate with a nonce is not believed") {
  Lab lab;
  lab.relay.is_silent_to = [](Method method) { return method == Method::kAllocate; };
  lab.run_for(500ms);
  CHECK_FALSE(lab.allocation.is_allocated());
  const auto forge = [&](const testing::FakeRelay::Seen& request) {
    std::array<uint8_t, 100> out{};
    stun::MessageBuilder builder(out, {Method::kAllocate, stun::MessageClass::kError}, request.id);
    builder.add_error_code(stun::ErrorCode::kAllocationMismatch);
    const auto bytes = *builder.finish();
    testing::Bytes copy(bytes.begin(), bytes.end());
    return lab.allocation.handle_datagram(lab.now, kLocal, kRelay, copy);
  };
  lab.relay.is_silent_to = [](Method) { return false; };
  lab.run_for(1s);  // The retransmission brings a nonce and the grant.
  REQUIRE(lab.allocation.is_allocated());
  lab.relay.is_silent_to = [](Method method) { return method == Method::kAllocate; };
  lab.relay.has_allocation = false;
  lab.allocation.check(lab.now);
  lab.run_for(500ms);  // 437 to the Refresh, so it allocates again, with a nonce.
  REQUIRE(lab.relay.seen.back().method == Method::kAllocate);
  const auto inbound = forge(lab.relay.seen.back());
  REQUIRE(std::holds_alternative<Drop>(inbound));
  CHECK(std::get<Drop>(inbound) == Drop::kWrongIntegrity);
}

TEST_CASE("rejected credentials are not tried again") {
  Lab lab;
  lab.relay.reboot("another");
  lab.relay.signs_challenges = false;  // Else not even the first challenge would verify.
  lab.run_for(30s);
  CHECK(lab.allocation.failure() == Failure::kWrongCredentials);
  const size_t before = lab.sent.size();
  lab.run_for(10min);
  CHECK(lab.sent.size() == before);
}

TEST_CASE("credentials that expire while in use withdraw the relayed address at once") {
  Lab lab;
  lab.allocated();
  lab.relay.refuses[Method::kRefresh] = ErrorCode::kUnauthorized;
  lab.allocation.check(lab.now);
  lab.run_for(50ms);
  CHECK(lab.taken<RelayedAddressRemoved>().size() == 1);
  CHECK(lab.allocation.failure() == Failure::kWrongCredentials);
  const size_t before = lab.sent.size();
  lab.run_for(10min);
  CHECK(lab.sent.size() == before);
}

TEST_CASE("a silent relay is given up about as fast as ICE gives up a pair") {
  Lab lab;
  lab.allocated();
  lab.relay.is_silent_to = [](Method method) { return method == Method::kRefresh; };
  lab.allocation.check(lab.now);
  lab.run_for(8120ms);
  CHECK(lab.allocation.is_allocated());
  lab.run_for(10ms);
  CHECK_FALSE(lab.allocation.is_allocated());
  CHECK(lab.taken<RelayedAddressRemoved>().size() == 1);
}

TEST_CASE("a relay that falls silent is given up in 34 s although we still send through it") {
  Lab lab;
  lab.allocated();
  lab.allocation.bind_channel(lab.now, kPeer);
  lab.run_for(24s);
  std::vector<uint8_t> frame = {0x40, 0x00, 0x00, 0x00};
  lab.allocation.handle_datagram(lab.now, testing::kLocal, kRelay, frame);
  lab.relay.is_silent_to = [](Method) { return true; };
  for (int i = 0; i < 34; ++i) {  // Checks of pairs, say, that nobody answers.
    (void)lab.allocation.route_to(lab.now, kPeer);
    lab.run_for(1s);
  }
  CHECK_FALSE(lab.allocation.is_allocated());
  CHECK(lab.allocation.failure() == Failure::kNoResponse);
}

TEST_CASE("a relay that never answers fails after eight seconds and is not bothered again") {
  Lab lab({.v4 = kRelay, .v6 = kRelay6});
  lab.is_v4_dead = lab.is_v6_dead = true;
  lab.run_for(8s);
  CHECK_FALSE(lab.allocation.failure().has_value());
  lab.run_for(200ms);
  CHECK(lab.allocation.failure() == Failure::kNoResponse);
  const size_t before = lab.sent.size();
  lab.run_for(1h);
  CHECK(lab.sent.size() == before);
}

TEST_CASE("lost keep-alives do not condemn a relay through which data flows") {
  Lab lab;
  lab.allocated();
  lab.allocation.bind_channel(lab.now, kPeer);
  lab.run_for(1s);
  lab.relay.is_silent_to = [](Method method) { return method == Method::kBinding; };
  lab.run_for(25s);  // A keep-alive is on its way now.
  std::vector<uint8_t> frame = {0x40, 0x00, 0x00, 0x00};
  for (int i = 0; i < 20; ++i) {
    lab.allocation.handle_datagram(lab.now, testing::kLocal, kRelay, frame);
    lab.run_for(1s);
  }
  CHECK(lab.allocation.is_allocated());
}

TEST_CASE("a probe condemns a dead relay within a second, and leaves a living one alone") {
  Lab lab;
  lab.allocated();
  const bool is_dead = GENERATE(false, true);
  if (is_dead) lab.relay.is_silent_to = [](Method) { return true; };
  lab.allocation.probe(lab.now);
  lab.run_for(1s);
  CHECK(lab.allocation.is_allocated() != is_dead);
  CHECK(lab.relay.count(Method::kRefresh) == 1);
}

TEST_CASE("a doubt condemns a dead relay in two and a half seconds, but not for one lost answer") {
  Lab lab;
  lab.allocated();
  lab.run_for(2s);
  SECTION("dead") {
    lab.relay.is_silent_to = [](Method) { return true; };
    lab.allocation.doubt(lab.now);
    lab.run_for(1s);
    lab.allocation.doubt(lab.now);  // The first doubt is not resolved yet.
    lab.run_for(1400ms);
    CHECK(lab.allocation.is_allocated());
    lab.run_for(200ms);
    CHECK(lab.allocation.failure() == Failure::kNoResponse);
  }
  SECTION("lossy") {
    size_t lost = 0;
    lab.relay.is_silent_to = [&](Method) { return ++lost <= 3; };
    lab.allocation.doubt(lab.now);
    lab.run_for(5s);
    CHECK(lab.allocation.is_allocated());
  }
  SECTION("heard of just now") {
    lab.allocation.check(lab.now);
    lab.run_for(100ms);
    const size_t before = lab.sent.size();
    lab.allocation.doubt(lab.now);
    lab.run_for(1s);
    CHECK(lab.sent.size() == before);
  }
}

TEST_CASE("an allocation left over from before is deleted and made anew") {
  Lab lab;
  lab.relay.has_allocation = true;
  lab.run_for(120ms);  // Six round trips from the first Binding.
  CHECK(lab.allocation.is_allocated());
  CHECK(lab.taken<RelayedAddressRemoved>().empty());
}

TEST_CASE("a relay that answers 437 to everything is asked ever more rarely") {
  Lab lab;
  lab.relay.refuses[Method::kAllocate] = ErrorCode::kAllocationMismatch;
  lab.run_for(10s);
  const size_t early = lab.sent.size();
  lab.run_for(10min);
  const size_t later = lab.sent.size() - early;
  CHECK(early < 40);
  CHECK(later < 2 * 10 * 60 / 30 + 10);  // Two requests each half a minute, and the way there.
}

TEST_CASE(
    "a full relay suspends the allocation until somebody asks, a minute later at the earliest") {
  Lab lab;
  const ErrorCode code =
      GENERATE(ErrorCode::kInsufficientCapacity, ErrorCode::kAllocationQuotaReached);
  lab.relay.refuses[Method::kAllocate] = code;
  lab.allocation.bind_channel(lab.now, kPeer);
  lab.run_for(1s);
  CHECK(lab.allocation.is_suspended());
  CHECK(lab.allocation.poll_timeout().at.is_never());
  const size_t before = lab.sent.size();
  lab.relay.refuses.clear();
  lab.allocation.probe(lab.now);
  lab.run_for(58s);
  CHECK(lab.sent.size() == before);
  lab.run_for(12s);
  lab.allocation.probe(lab.now);
  lab.run_for(1s);
  CHECK(lab.allocation.is_allocated());
}

TEST_CASE("a relay that lacks what we ask for is of no use") {
  Lab lab;
  SECTION("it does not know an attribute") {
    lab.relay.refuses[Method::kAllocate] = ErrorCode::kUnknownAttribute;
  }
  SECTION("it grants no address") { lab.relay.relayed.reset(); }
  lab.run_for(1s);
  CHECK(lab.allocation.failure() == Failure::kProtocolFailure);
}

TEST_CASE("a NAT that gives us another port makes us ask the relay at once") {
  Lab lab;
  lab.allocated();
  lab.relay.mapped = address("203.0.113.21:41111");
  lab.relay.has_allocation = false;  // It knows us by the old port.
  lab.run_for(26s);
  CHECK(lab.taken<AddressDiscovered>().size() == 2);
  CHECK(lab.taken<RelayedAddressAdded>().size() == 2);
  CHECK(lab.allocation.is_allocated());
}

TEST_CASE("a NAT that gives us our old port back does not leave us with an allocation of before") {
  Lab lab;
  lab.allocated();
  lab.relay.mapped = address("203.0.113.21:41111");
  lab.relay.has_allocation = false;
  lab.run_for(26s);
  REQUIRE(lab.taken<RelayedAddressAdded>().size() == 2);
  // It has another one under the port of before, and confirms that to whoever asks.
  lab.relay.mapped = testing::kMapped;
  lab.relay.channels.clear();
  lab.allocation.check(lab.now);
  lab.run_for(10s);
  CHECK(lab.taken<RelayedAddressRemoved>().size() == 2);
  CHECK(lab.taken<RelayedAddressAdded>().size() == 3);
  CHECK(lab.allocation.is_allocated());
}

TEST_CASE("after a night's sleep the allocation starts over, once") {
  Lab lab;
  lab.allocated();
  lab.drain();
  lab.relay.has_allocation = false;
  lab.now += 8h;
  lab.allocation.handle_timeout(lab.now);
  lab.run_for(1s);
  CHECK(lab.taken<RelayedAddressRemoved>().size() == 1);
  CHECK(lab.taken<RelayedAddressAdded>().size() == 2);
}

TEST_CASE("a lifetime is held to what we can afford") {
  Lab lab;
  lab.relay.lifetime = GENERATE(0s, 1s, 1'000'000'000s);
  lab.allocated();
  const size_t before = lab.sent.size();
  lab.run_for(60min);
  CHECK(lab.sent.size() - before < 300);
  CHECK(lab.relay.count(Method::kRefresh) >= 2);
}

TEST_CASE("on another network everything but the credentials starts over") {
  Lab lab;
  lab.allocated();
  lab.relay.mapped = address("203.0.113.22:40000");
  lab.relay.has_allocation = false;
  lab.local = address("10.2.0.7:52625");
  lab.allocation.restart(lab.now);
  CHECK_FALSE(lab.allocation.active_socket().has_value());
  lab.run_for(200ms);
  CHECK(lab.allocation.is_allocated());
  CHECK(lab.taken<AddressDiscovered>().back() ==
        AddressDiscovered{lab.local, address("203.0.113.22:40000")});
}

}  // namespace
}  // namespace connlib::snownet::turn
