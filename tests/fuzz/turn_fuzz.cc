// One Allocation and a hostile relay that knows the password: it answers requests with any code and
// any attributes, replays, mangles, falls silent, while time jumps and callers bind and probe.
#include <array>
#include <vector>

#include "connlib/base/check.h"
#include "snownet/turn/allocation.h"
#include "tests/fuzz/fuzz_input.h"

namespace connlib::snownet::turn {
namespace {

using fuzz::FuzzInput;
using Bytes = std::vector<uint8_t>;

const SocketAddress kLocal{Ipv4Address{{10, 0, 0, 2}}, 52625};
const SocketAddress kRelay{Ipv4Address{{203, 0, 113, 10}}, 3478};

SocketAddress address(FuzzInput& in) {
  Ipv4Address four{{198, 51, 100, static_cast<uint8_t>(in.below(8))}};
  if (in.below(4) != 0) return {four, static_cast<uint16_t>(1 + in.below(64))};
  Ipv6Address six{};
  six.bytes[0] = 0x20;
  six.bytes[15] = in.u8();
  return {six, in.u16()};
}

class World {
 public:
  explicit World(FuzzInput& in)
      : in_(&in),
        random_(7),
        key_(stun::IntegrityKey::long_term("1:salt", "firezone", "secret")),
        allocation_({.v4 = kRelay, .v6 = std::nullopt},
                    *Credentials::create("1:salt", "firezone", "secret"), random_, null_tracer(),
                    now_) {}

  void run() {
    for (int step = 0; step < 400 && !in_->empty(); ++step) {
      act();
      settle();
    }
  }

 private:
  void act() {
    switch (in_->below(9)) {
      case 0:
        now_ += Duration(1ms) * static_cast<int64_t>(in_->u16());
        break;
      case 1:
        now_ += Duration(10s) * static_cast<int64_t>(in_->u8());
        break;
      case 2: {
        const auto raw = in_->take(in_->below(200));
        deliver(Bytes(raw.begin(), raw.end()));
        break;
      }
      case 3:
      case 4:
      case 5:
        answer();
        break;
      case 6:
        allocation_.bind_channel(now_, address(*in_));
        allocation_.route_to(now_, address(*in_));
        break;
      case 7:
        in_->below(2) == 0 ? allocation_.probe(now_) : allocation_.check(now_);
        break;
      default:
        if (in_->below(4) == 0) allocation_.restart(now_);
        break;
    }
  }

  void deliver(Bytes bytes) { allocation_.handle_datagram(now_, kLocal, kRelay, bytes); }

  void answer() {
    if (requests_.empty()) return;
    const Bytes& request = requests_[in_->below(requests_.size())];
    const auto header = stun::parse_header(request);
    std::array<uint8_t, 1024> out{};
    const auto cls = in_->below(2) == 0 ? stun::MessageClass::kSuccess : stun::MessageClass::kError;
    stun::MessageBuilder builder(out, {header->type.method, cls}, header->transaction_id);
    static constexpr std::array<uint16_t, 9> kCodes = {300, 400, 401, 403, 420, 437, 438, 486, 508};
    if (cls == stun::MessageClass::kError) {
      builder.add_error_code(static_cast<stun::ErrorCode>(kCodes[in_->below(kCodes.size())]));
    }
    const uint8_t what = in_->u8();
    if ((what & 1) != 0) builder.add_nonce("n").add_realm("firezone");
    if ((what & 2) != 0) builder.add_xor_relayed_address(address(*in_));
    if ((what & 4) != 0) builder.add_xor_mapped_address(address(*in_));
    if ((what & 8) != 0) builder.add_lifetime(std::chrono::seconds(in_->u16()));
    if ((what & 16) == 0) builder.add_integrity(key_);
    const auto bytes = builder.finish();
    CONNLIB_CHECK(bytes.has_value());
    Bytes made(bytes->begin(), bytes->end());
    if ((what & 32) != 0 && !made.empty()) made[in_->below(made.size())] ^= in_->u8();
    deliver(std::move(made));
  }

  void settle() {
    allocation_.handle_timeout(now_);
    size_t sent = 0;
    while (const auto out = allocation_.poll_transmit()) {
      CONNLIB_CHECK(++sent <= 2 * kMaxBindsOnTheirWay);
      requests_.emplace_back(out->datagram.begin(), out->datagram.end());
      if (requests_.size() > 32) requests_.erase(requests_.begin());
    }
    while (allocation_.poll_event()) {
    }
    CONNLIB_CHECK(allocation_.poll_timeout().at > now_);
    CONNLIB_CHECK(!(allocation_.is_allocated() && allocation_.failure().has_value()));
  }

  FuzzInput* in_;
  Timestamp now_ = Timestamp::from_nanoseconds(7'777'777'777'777);
  SeededRandom random_;
  stun::IntegrityKey key_;
  Allocation allocation_;
  std::vector<Bytes> requests_;
};

}  // namespace
}  // namespace connlib::snownet::turn

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  connlib::fuzz::FuzzInput in({data, size});
  connlib::snownet::turn::World(in).run();
  return 0;
}
