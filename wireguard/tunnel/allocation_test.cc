// A program of its own: it counts every allocation of the process.
#include <catch2/catch.hpp>

#include "tests/bench/allocation_counter.h"
#include "wireguard/tunnel/pair.h"

namespace connlib::wireguard {
namespace {

using testing::ipv4_packet;
using testing::Pair;

TEST_CASE("sealing, opening, refusing and asking for the deadline allocate nothing") {
  Pair pair;
  pair.connect(pair.a);
  const auto packet = ipv4_packet(1280);
  std::vector<uint8_t> sealed(pair.a.device.sealed_bytes(pair.a.peer, packet.size()));
  std::vector<uint8_t> copy(sealed.size());
  const auto seal = [&] {
    std::copy(packet.begin(), packet.end(), sealed.begin() + kDataHeaderBytes);
    return pair.a.device.seal(pair.now, pair.a.peer, sealed, packet.size());
  };
  const auto arrives = [&](std::vector<uint8_t>& datagram) {
    return pair.b.device.handle_datagram(pair.now, pair.a.address, datagram);
  };
  size_t wrong = seal() ? 0 : 1;  // The first packet arms timers, which may make room for them.
  static_cast<void>(arrives(sealed));
  static_cast<void>(pair.a.device.poll_timeout());
  static_cast<void>(pair.b.device.poll_timeout());

  const uint64_t before = bench::allocations();
  REQUIRE(before > 0);
  for (int i = 0; i < 100; ++i) {
    wrong += seal() ? 0u : 1u;
    copy = sealed;
    copy.back() ^= 1;
    wrong += std::holds_alternative<Drop>(arrives(copy)) ? 0u : 1u;  // Forged.
    copy = sealed;
    wrong += std::holds_alternative<Delivered>(arrives(copy)) ? 0u : 1u;
    wrong += std::holds_alternative<Drop>(arrives(sealed)) ? 0u : 1u;  // Replayed.
    wrong += pair.a.device.poll_timeout().at.is_never() ? 1u : 0u;
    wrong += pair.b.device.poll_timeout().at.is_never() ? 1u : 0u;
  }
  const uint64_t allocated = bench::allocations() - before;
  CHECK(allocated == 0);
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace connlib::wireguard
