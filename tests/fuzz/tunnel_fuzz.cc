// The tunnel as a state machine: a script of what ends, wire and clock do, then an honest wire on
// which a packet must get through both ways. What must hold throughout: hostile_world.h.
#include "tests/fuzz/hostile_world.h"

namespace connlib::fuzz {
namespace {

constexpr size_t kMaxSteps = 400;
// The slowest way back: the last initiation was just lost (5.333 s), or a session that the peer has
// lost is noticed by silence (15 s); then, with forced cookies, both ends learn a cookie first (one
// more attempt each).
constexpr Duration kHealedWithin = 40s;

HostileWorld::Options options_of(uint8_t flags) {
  HostileWorld::Options out;
  if ((flags & 1) != 0) out.device.limits.per_node = 0;  // Every handshake takes a cookie.
  if ((flags & 2) != 0) out.tunnel.persistent_keepalive = 25s;
  if ((flags & 4) != 0) out.tunnel.rekey_attempt_time = 20s;
  if ((flags & 8) != 0) out.tunnel.rekey_after_messages = 8;
  if ((flags & 16) != 0) out.tunnel.pads = false;
  return out;
}

HostileWorld::Side side_of(uint8_t byte) {
  return (byte & 1) == 0 ? HostileWorld::Side::kA : HostileWorld::Side::kB;
}

void change_an_end(HostileWorld& world, FuzzInput& in) {
  const uint8_t what = in.u8();
  const auto side = side_of(what);
  switch (what >> 1 & 3) {
    case 0:
      return world.forget_sessions(side);
    case 1:
      return world.rebuild(side);
    case 2:
      return world.set_persistent_keepalive(side, std::chrono::seconds(in.u8()));
    case 3:
      return world.set_lag(std::chrono::seconds(in.u8()));
  }
}

// The order of the cases is part of the corpus: it only grows at its end.
void step(HostileWorld& world, FuzzInput& in) {
  const uint8_t op = in.u8();
  switch (op % 16) {
    case 0:
    case 1:
      world.send(side_of(op), in.below(1500));
      return;
    case 2:
    case 3:
      return world.start_handshake(side_of(op));
    case 4:
      return world.deliver(0);
    case 5:
      return world.deliver(in.u8());
    case 6:
      return world.drop(in.u8());
    case 7:
      return world.duplicate(in.u8());
    case 8: {
      const size_t pick = in.u8();
      const size_t offset = in.u16();
      return world.corrupt(pick, offset, in.u8());
    }
    case 9: {
      const size_t pick = in.u8();
      return world.resize(pick, in.below(2000));
    }
    case 10:
      return world.reflect(in.u8());
    case 11:
      return world.replay(in.u8());
    case 12:
      return world.advance(std::chrono::milliseconds(in.u16()));
    case 13:
      return world.advance(std::chrono::minutes(in.u16()));  // Up to 45 days: it slept.
    case 14:
      return (op & 16) == 0 ? world.advance_to_next_timeout()
                            : world.run_cleanly(std::chrono::seconds(in.u8()));
    case 15:
      return change_an_end(world, in);
  }
}

}  // namespace
}  // namespace connlib::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace connlib::fuzz;
  FuzzInput in(std::span(data, size));
  HostileWorld world(options_of(in.u8()));
  for (size_t i = 0; i < kMaxSteps && !in.empty(); ++i) step(world, in);
  world.heal(kHealedWithin);
  return 0;
}
