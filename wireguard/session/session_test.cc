#include "wireguard/session/session.h"

#include <cstring>

#include <catch2/catch.hpp>

#include "connlib/base/hex.h"
#include "tests/support/start_time.h"
#include "tests/support/vectors.h"
#include "wireguard/session/slots.h"

namespace connlib::wireguard {
namespace {

using testing::hex_bytes;
using testing::named;
using testing::secret32;
using testing::wireguard_vectors;

using connlib::testing::kStart;

SymmetricKey transport_key(const nlohmann::json& message) {
  const auto& handshake = named(wireguard_vectors().at("handshakes"), message["handshake"]);
  return secret32(handshake["transport_keys"][message["direction"].get<std::string>()]);
}

TEST_CASE("every published data message is sealed and opened byte for byte") {
  for (const auto& vector : wireguard_vectors().at("transport")) {
    CAPTURE(vector["name"].get<std::string>());
    const SymmetricKey key = transport_key(vector);
    const uint64_t counter = std::stoull(vector["counter_dec"].get<std::string>());
    const auto plaintext = hex_bytes(vector["plaintext"]);
    SendHalf send(key, SessionIndex(vector["receiver_index_int"].get<uint32_t>()), counter);
    std::vector<uint8_t> datagram(kDataMinBytes + plaintext.size());
    std::copy(plaintext.begin(), plaintext.end(), datagram.begin() + kDataHeaderBytes);
    REQUIRE(send.seal(datagram));
    CHECK(to_hex(datagram) == vector["message"]);

    ReceiveHalf receive(key);
    const auto opened = receive.open(datagram);
    REQUIRE(std::holds_alternative<std::span<uint8_t>>(opened));
    CHECK(to_hex(std::get<std::span<uint8_t>>(opened)) == vector["plaintext"]);
    auto again = hex_bytes(vector["message"]);
    CHECK(std::get<OpenFailure>(receive.open(again)) == OpenFailure::kReplayed);
  }
}

TEST_CASE("the last allowed counter is sent, the next one never") {
  SendHalf send(SymmetricKey(), SessionIndex(1), kRejectAfterMessages - 1);
  std::vector<uint8_t> datagram(kDataMinBytes);
  CHECK(send.seal(datagram));
  CHECK_FALSE(send.seal(datagram));
  CHECK(send.next_counter() == kRejectAfterMessages);
}

TEST_CASE("a tampered message burns no counter") {
  const auto& vectors = wireguard_vectors();
  const auto& good = named(vectors.at("transport"), "ipv4-84-padded-to-96");
  ReceiveHalf receive(transport_key(good));
  for (const char* name : {"data-tag-tampered", "data-counter-tampered"}) {
    auto bad = hex_bytes(named(vectors.at("negative"), name)["message"]);
    CHECK(std::get<OpenFailure>(receive.open(bad)) == OpenFailure::kBadTag);
  }
  auto refused = hex_bytes(named(vectors.at("negative"), "data-counter-rejected")["message"]);
  CHECK(std::get<OpenFailure>(receive.open(refused)) == OpenFailure::kCounterRejected);
  auto untampered = hex_bytes(good["message"]);
  CHECK(std::holds_alternative<std::span<uint8_t>>(receive.open(untampered)));
}

struct Rig {
  SeededRandom random{4};
  IndexTable indices{random};
  SessionSlots slots;
  std::unique_ptr<Session> make(Role role, Timestamp created) {
    IndexLease lease = indices.lease(PeerId(7));
    const TransportKeys keys{{}, {}, lease.index(), SessionIndex(1)};
    return std::make_unique<Session>(std::move(lease), keys, role, created);
  }
};

TEST_CASE("a session we answered is used for sending only after the peer used it") {
  Rig rig;
  rig.slots.add_responded(rig.make(Role::kResponder, kStart));
  CHECK(rig.slots.current() == nullptr);
  auto second = rig.make(Role::kResponder, kStart + 1s);
  Session* waiting = second.get();
  rig.slots.add_responded(std::move(second));  // The unconfirmed first one is gone.
  CHECK(rig.indices.size() == 1);
  CHECK(rig.slots.confirm(*waiting));
  CHECK(rig.slots.current() == waiting);
  CHECK_FALSE(rig.slots.confirm(*waiting));
}

TEST_CASE("the previous session stays readable through a renewal, and no longer") {
  Rig rig;
  auto first = rig.make(Role::kInitiator, kStart);
  const SessionIndex old_index = first->lease.index();
  rig.slots.add_initiated(std::move(first));
  rig.slots.add_initiated(rig.make(Role::kInitiator, kStart + 120s));
  CHECK(rig.slots.find(old_index) != nullptr);
  rig.slots.add_initiated(rig.make(Role::kInitiator, kStart + 240s));
  CHECK(rig.slots.find(old_index) == nullptr);
  CHECK(rig.indices.size() == 2);
  CHECK_FALSE(rig.indices.find(old_index).has_value());
}

TEST_CASE("an initiated session replaces current but keeps an unconfirmed one readable") {
  Rig rig;
  rig.slots.add_initiated(rig.make(Role::kInitiator, kStart));
  auto answered = rig.make(Role::kResponder, kStart + 1s);
  const SessionIndex unconfirmed = answered->lease.index();
  rig.slots.add_responded(std::move(answered));
  rig.slots.add_initiated(rig.make(Role::kInitiator, kStart + 2s));
  CHECK(rig.slots.find(unconfirmed) != nullptr);
  CHECK(rig.slots.current()->created == kStart + 2s);
}

TEST_CASE("the session that the peer last used stays readable until it uses another") {
  Rig rig;
  auto old = rig.make(Role::kInitiator, kStart);
  const SessionIndex used = old->lease.index();
  rig.slots.add_initiated(std::move(old));
  rig.slots.note_heard(*rig.slots.current());
  for (int i = 0; i < 3; ++i) {  // Handshakes that cross.
    rig.slots.add_responded(rig.make(Role::kResponder, kStart + 1s));
    rig.slots.add_initiated(rig.make(Role::kInitiator, kStart + 2s));
  }
  CHECK(rig.slots.find(used) != nullptr);
  CHECK(rig.indices.size() == 3);
  CHECK(rig.slots.indices().size() == 3);
  CHECK(rig.slots.next_expiry() == kStart + 180s);
  SECTION("another") {
    rig.slots.note_heard(*rig.slots.current());
    rig.slots.add_responded(rig.make(Role::kResponder, kStart + 3s));
  }
  SECTION("or until its time is over") { (void)rig.slots.remove_expired(kStart + 180s); }
  CHECK(rig.slots.find(used) == nullptr);
  CHECK(rig.indices.size() == 2);
}

TEST_CASE("sessions die at 180 seconds exactly, and losing current is reported with its role") {
  Rig rig;
  CHECK(rig.slots.next_expiry().is_never());
  rig.slots.add_initiated(rig.make(Role::kInitiator, kStart));
  CHECK(rig.slots.next_expiry() == kStart + 180s);
  CHECK(rig.slots.remove_expired(kStart + 180s - 1ns) == SessionSlots::CurrentLost::kNo);
  CHECK(rig.slots.remove_expired(kStart + 180s) == SessionSlots::CurrentLost::kAsInitiator);
  CHECK(rig.slots.current() == nullptr);
  CHECK(rig.indices.size() == 0);
}

TEST_CASE("indices are unique and name their peer until the lease ends") {
  SeededRandom random(9);
  IndexTable table(random);
  std::vector<IndexLease> leases;
  for (uint32_t i = 0; i < 1000; ++i) leases.push_back(table.lease(PeerId(i)));
  CHECK(table.size() == 1000);
  CHECK(table.find(leases[500].index()) == PeerId(500));
  leases.erase(leases.begin() + 500);
  CHECK(table.size() == 999);
}

}  // namespace
}  // namespace connlib::wireguard
