// Two nodes on a hostile network with hostile peers: datagrams that are lost, repeated, mangled and
// made up, checks of somebody who knows the passwords, candidate lines of any kind, upserts that
// differ, relays that come, go, lie about their addresses and reboot, roaming, and jumps of time.
// NodeWorld says what must hold throughout; in the end everybody turns honest, and the two must get
// through to each other.
#include "connlib/base/check.h"
#include "snownet/ice/candidate_text.h"
#include "snownet/ice/check_message.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/node_world.h"

namespace connlib::fuzz {
namespace {

using snownet::ice::Candidate;
using snownet::ice::CandidateKind;
using snownet::ice::CheckCodec;
using snownet::ice::CheckRequest;
using snownet::node::LateCandidates;
using snownet::node::PeerId;
using snownet::node::ResetKind;
using snownet::stun::IntegrityKey;
using Bytes = NodeWorld::Bytes;
using Side = NodeWorld::Side;

class Script {
 public:
  explicit Script(FuzzInput& in) : in_(&in), world_(policy()) {}

  void run() {
    for (int step = 0; step < 300 && !in_->empty(); ++step) act();
    world_.heal();
  }

 private:
  LateCandidates policy() { return static_cast<LateCandidates>(in_->u8() % 3); }

  Side side() { return in_->u8() % 2 == 0 ? Side::kA : Side::kB; }
  PeerId peer() {
    const uint8_t pick = in_->u8();
    return pick < 192 ? NodeWorld::kPeer : PeerId(uint64_t{2} + pick % 3);
  }
  SocketAddress address() {
    switch (in_->u8() % 8) {
      case 0:
        return world_.address(Side::kA);
      case 1:
        return world_.address(Side::kB);
      case 2:
        return NodeWorld::relay_socket(in_->below(NodeWorld::kRelays));
      case 3:
      case 4:  // Some relayed port.
        return {NodeWorld::relay_socket(0).ip, static_cast<uint16_t>(49152 + in_->below(16384))};
      case 5:
        return {Ipv4Address{{192, 168, 1, 2}}, static_cast<uint16_t>(40001 + in_->below(2))};
      case 6:
        return {Ipv6Address{{0x20, 1, in_->u8()}}, in_->u16()};
      default:
        return {Ipv4Address{{in_->u8(), 51, 100, in_->u8()}}, in_->u16()};
    }
  }

  void act() {
    switch (in_->u8() % 18) {
      case 0:
        return world_.advance(Duration(1ms) * static_cast<int64_t>(in_->u16()));
      case 1:
        return world_.advance(Duration(10s) * static_cast<int64_t>(in_->u8()));
      case 2:
        return world_.run_cleanly(Duration(100ms) * static_cast<int64_t>(in_->u8()));
      case 3:
        return world_.introduce();
      case 4:
        return world_.deliver(in_->u8());
      case 5:
        return world_.drop(in_->u8());
      case 6:
        return world_.replay(in_->u8());
      case 7: {
        const size_t pick = in_->u8();
        world_.corrupt(pick, in_->u16(), in_->u8());
        return world_.deliver(pick);
      }
      case 8:
        return inject();
      case 9:
        return in_->u8() % 4 == 0 ? world_.drop_signal(in_->u8())
                                  : world_.deliver_signal(in_->u8());
      case 10:
        return signal_line();
      case 11:
        return upsert();
      case 12:
        return list_relays();
      case 13:
        return end_something();
      case 14: {
        const Side from = side();
        const PeerId to = peer();
        return world_.send(from, to, in_->u16() % 1400);
      }
      case 15:
        return check();
      case 16:
        return change_network();
      default:
        return world_.set_lag(Duration(10ms) * static_cast<int64_t>(in_->u8()));
    }
  }

  void inject() {
    const Side to = side();
    const SocketAddress source = address();
    const size_t segment_bytes = in_->u8() % 2 == 0 ? 0 : in_->u8();
    const auto raw = in_->take(in_->u8());
    world_.inject(to, source, segment_bytes, {raw.begin(), raw.end()});
  }

  void signal_line() {
    const Side to = side();
    const PeerId from = peer();
    std::string line;
    const uint8_t what = in_->u8();
    if (what % 4 == 0) {
      const auto raw = in_->take(in_->u8());
      line = "candidate:";
      line.append(raw.begin(), raw.end());
    } else {
      const auto kind = static_cast<CandidateKind>(in_->u8() % 4);
      const char* ufrag = to == Side::kA ? "bbbb" : "aaaa";
      line = to_text(Candidate::remote(kind, address(), uint32_t{in_->u16()} << 8U), ufrag);
    }
    if (what % 8 < 6) {
      world_.add_line(to, from, line);
    } else {
      world_.remove_line(to, from, line);
    }
  }

  void upsert() {
    const Side at = side();
    const PeerId id = peer();
    auto options = world_.options_for(at);
    const uint8_t twist = in_->u8();
    if ((twist & 1) != 0) options.psk.mutable_bytes()[0] = in_->u8();
    if ((twist & 2) != 0) options.role = snownet::ice::opposite(options.role);
    if ((twist & 4) != 0) options.key.bytes[5] ^= in_->u8();
    if ((twist & 8) != 0) options.key = {};
    if ((twist & 16) != 0) {
      options.local = *snownet::ice::Credentials::of("cccc", "cccccccccccccccccccccc");
    }
    if ((twist & 32) != 0) {
      options.active = snownet::ice::kServerDefaultTiming;
      options.idle = snownet::ice::kServerIdleTiming;
    }
    world_.upsert(at, id, std::move(options));
  }

  void list_relays() {
    const Side at = side();
    std::vector<size_t> removed;
    std::vector<NodeWorld::RelayListing> listed;
    for (size_t relay = 0; relay < NodeWorld::kRelays; ++relay) {
      const uint8_t what = in_->u8();
      if ((what & 1) != 0) removed.push_back(relay);
      if ((what & 2) == 0) continue;
      auto listing = world_.listing(at, relay);
      if ((what & 4) != 0) listing.password += "x";
      if ((what & 8) != 0) listing.sockets.v4 = address();
      if ((what & 16) != 0) listing.username.clear();
      if ((what & 32) != 0) listing.id = RelayId(std::to_string(in_->u8()));
      if ((what & 64) != 0) listing.realm = "elsewhere";
      if ((what & 128) != 0) listing.sockets.v6 = address();
      listed.push_back(std::move(listing));
    }
    world_.list_relays(at, removed, listed);
  }

  void end_something() {
    const Side at = side();
    switch (in_->u8() % 5) {
      case 0:
        return world_.close(at, peer());
      case 1:
        return world_.remove(at, peer());
      case 2:
        return world_.close_all(at);
      case 3:
        return world_.reset(at, ResetKind::kAlways);
      default:
        return world_.reset(at, ResetKind::kUnlessFalseAlarm);
    }
  }

  // The peer means ill, and knows the passwords.
  void check() {
    const Side to = side();
    const auto options = world_.options_for(to);
    CheckRequest check;
    check.id = snownet::stun::TransactionId::random(random_);
    check.receiver_ufrag = options.local.ufrag();
    check.sender_ufrag = options.remote.ufrag();
    check.priority = in_->u16();
    const uint8_t what = in_->u8();
    if ((what & 1) != 0) {
      check.role =
          (what & 2) != 0 ? snownet::ice::Role::kControlling : snownet::ice::Role::kControlled;
    }
    check.tie_breaker = (what & 4) != 0 ? UINT64_MAX : uint64_t{what} >> 3U;
    check.use_candidate = (what & 128) != 0;
    auto key = IntegrityKey::short_term(options.local.password());
    const auto message = CheckCodec::request(check, key);
    const auto bytes = message.bytes();
    world_.inject(to, address(), 0, {bytes.begin(), bytes.end()});
  }

  void change_network() {
    switch (in_->u8() % 4) {
      case 0:
        return world_.reboot(in_->below(NodeWorld::kRelays));
      case 1:
        return world_.roam(side());
      case 2:
        return world_.set_direct_path(false);
      default:
        return world_.set_direct_path(true);
    }
  }

  FuzzInput* in_;
  SeededRandom random_{7};
  NodeWorld world_;
};

}  // namespace
}  // namespace connlib::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  connlib::fuzz::FuzzInput in({data, size});
  connlib::fuzz::Script(in).run();
  return 0;
}
