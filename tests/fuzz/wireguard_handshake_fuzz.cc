// Mutated copies of real handshake messages, with mac1 put right where the script says so: only
// what a peer made may be accepted, once, and what is dropped changes nothing (hostile_world.h).
#include "tests/fuzz/hostile_world.h"
#include "wireguard/cookie/macs.h"

namespace connlib::fuzz {
namespace {

constexpr size_t kMaxSteps = 200;
constexpr Duration kHealedWithin = 40s;

using Side = HostileWorld::Side;
using Bytes = HostileWorld::Bytes;

Side side_of(uint8_t byte) { return (byte & 1) == 0 ? Side::kA : Side::kB; }

std::optional<SocketAddress> source_of(uint8_t byte) {
  if (byte % 8 == 7) return std::nullopt;
  return SocketAddress{Ipv4Address{{198, 51, 100, static_cast<uint8_t>(byte % 4)}}, 1000};
}

void mutate(HostileWorld& world, FuzzInput& in, Bytes& bytes) {
  const uint8_t how = in.u8();
  if (bytes.empty() || world.log_size() == 0) return;
  const size_t at = in.below(bytes.size());
  switch (how % 4) {
    case 0:
      bytes[at] ^= in.u8();
      return;
    case 1:
      bytes.resize(in.below(300));
      return;
    case 2: {  // A piece of another message.
      const Bytes& donor = world.logged(in.u8());
      const size_t end = std::min({bytes.size(), donor.size(), at + in.u8()});
      for (size_t i = at; i < end; ++i) bytes[i] = donor[i];
      return;
    }
    case 3: {  // Bytes of the fuzzer's own.
      const auto own = in.take(std::min<size_t>(in.u8(), bytes.size() - at));
      std::copy(own.begin(), own.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
      return;
    }
  }
}

void attack(HostileWorld& world, FuzzInput& in, uint8_t op) {
  const Side to = side_of(op);
  const auto own = in.take(in.u8());
  Bytes bytes =
      own.empty() && world.log_size() > 0 ? world.logged(in.u8()) : Bytes(own.begin(), own.end());
  for (size_t i = in.u8() % 4; i > 0; --i) mutate(world, in, bytes);
  const uint8_t how = in.u8();
  if ((how & 8) != 0) wireguard::CookieHolder(world.public_key(to)).stamp(Timestamp(), bytes);
  world.inject(to, source_of(how), std::move(bytes));
}

void step(HostileWorld& world, FuzzInput& in) {
  const uint8_t op = in.u8();
  switch (op >> 1 & 7) {
    case 0:
      return world.start_handshake(side_of(op));
    case 1:
      world.send(side_of(op), in.u8());
      return;
    case 2:
      return world.deliver(in.u8());
    case 3:
      return world.advance(std::chrono::milliseconds(in.u16()));
    default:
      return attack(world, in, op);
  }
}

}  // namespace
}  // namespace connlib::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace connlib::fuzz;
  FuzzInput in(std::span(data, size));
  HostileWorld::Options options;
  if ((in.u8() & 1) != 0) options.device.limits.per_node = 0;  // Every handshake takes a cookie.
  HostileWorld world(options);
  for (size_t i = 0; i < kMaxSteps && !in.empty(); ++i) step(world, in);
  world.heal(kHealedWithin);
  return 0;
}
