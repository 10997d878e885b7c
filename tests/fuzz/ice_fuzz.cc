// One IceAgent on a hostile network with a hostile peer, who knows the passwords: checks in either
// role with any attributes, answers of any kind from anywhere, mangled and raw bytes, candidates
// that come and go at both ends, other timing sets, jumps of time.
#include <array>
#include <vector>

#include "connlib/base/check.h"
#include "snownet/ice/agent.h"
#include "tests/fuzz/fuzz_input.h"

namespace connlib::snownet::ice {
namespace {

using fuzz::FuzzInput;
using Bytes = std::vector<uint8_t>;

SocketAddress address(FuzzInput& in, uint8_t network) {
  if (in.below(4) != 0) {
    return {Ipv4Address{{198, 51, network, static_cast<uint8_t>(in.below(8))}},
            static_cast<uint16_t>(1 + in.below(64))};
  }
  Ipv6Address six{};
  six.bytes[0] = 0x20;
  six.bytes[1] = network;
  six.bytes[15] = static_cast<uint8_t>(in.below(4));
  return {six, static_cast<uint16_t>(in.below(16))};
}

class World {
 public:
  explicit World(FuzzInput& in)
      : in_(&in),
        ours_(*Credentials::of("aaaa", "passwordpasswordpassa1")),
        theirs_(*Credentials::of("bbbb", "passwordpasswordpassb2")),
        our_key_(stun::IntegrityKey::short_term(ours_.password())),
        their_key_(stun::IntegrityKey::short_term(theirs_.password())),
        has_remote_(in.below(4) != 0),
        agent_({in.below(2) == 0 ? Role::kControlling : Role::kControlled, ours_,
                has_remote_ ? std::optional(theirs_) : std::nullopt, timing()},
               random_, null_tracer(), now_) {}

  void run() {
    for (int step = 0; step < 400 && !in_->empty(); ++step) {
      act();
      settle();
    }
  }

 private:
  Timing timing() {
    static constexpr std::array<Timing, 4> kSets = {kClientDefaultTiming, kClientIdleTiming,
                                                    kServerDefaultTiming, kServerIdleTiming};
    return kSets[in_->below(kSets.size())];
  }

  Candidate local_candidate() {
    const SocketAddress first = address(*in_, 1);
    switch (in_->below(3)) {
      case 0:
        return Candidate::host(first);
      case 1:
        return Candidate::server_reflexive(address(*in_, 2), first);
      default:
        return Candidate::relayed(first, in_->below(2) == 0 ? IpFamily::kV4 : IpFamily::kV6);
    }
  }
  Candidate remote_candidate() {
    return Candidate::remote(static_cast<CandidateKind>(in_->below(4)), address(*in_, 3),
                             uint32_t{in_->u16()} << in_->below(17));
  }

  void act() {
    switch (in_->below(12)) {
      case 0:
        now_ += Duration(1ms) * static_cast<int64_t>(in_->u16());
        break;
      case 1:
        now_ += Duration(10s) * static_cast<int64_t>(in_->u8());
        break;
      case 2:
        agent_.add_local_candidate(local_candidate(), now_);
        break;
      case 3:
        agent_.add_remote_candidate({remote_candidate(), in_->below(8) == 0 ? "old" : ""}, now_);
        break;
      case 4:
        invalidate();
        break;
      case 5:
        signal_text();
        break;
      case 6: {
        const auto raw = in_->take(in_->below(200));
        deliver(path(), Bytes(raw.begin(), raw.end()));
        break;
      }
      case 7:
      case 8:
        check();
        break;
      case 9:
      case 10:
        answer();
        break;
      default:
        agent_.set_timing(timing(), now_);
        if (in_->below(4) == 0) {
          agent_.set_remote_credentials(theirs_, now_);
          has_remote_ = true;
        }
        break;
    }
  }

  void invalidate() {
    const auto& list = in_->below(2) == 0 ? agent_.local_candidates() : agent_.remote_candidates();
    if (list.empty()) return;
    const Candidate candidate = list[in_->below(list.size())];
    agent_.invalidate_local_candidate(candidate, now_);
    agent_.invalidate_remote_candidate(candidate, now_);
  }

  void signal_text() {
    const auto raw = in_->take(in_->below(160));
    std::string line = in_->below(2) == 0 ? "candidate:" : "";
    line.append(raw.begin(), raw.end());
    if (const auto parsed = parse_candidate(line)) agent_.add_remote_candidate(*parsed, now_);
  }

  // Mostly where something is, else anywhere.
  Path path() {
    const auto locals = agent_.local_candidates();
    const bool known = !locals.empty() && in_->below(8) != 0;
    const SocketAddress local = known ? locals[in_->below(locals.size())].base : address(*in_, 1);
    return {local, address(*in_, 3)};
  }

  void deliver(const Path& path, Bytes bytes) {
    if (in_->below(8) == 0 && !bytes.empty()) bytes[in_->below(bytes.size())] ^= in_->u8();
    agent_.handle_datagram(now_, path, bytes);
  }

  void check() {
    CheckRequest check;
    check.id = stun::TransactionId::random(random_);
    check.receiver_ufrag = ours_.ufrag();
    check.sender_ufrag = theirs_.ufrag();
    check.priority = in_->u16();
    const uint8_t what = in_->u8();
    if ((what & 1) != 0) check.role = (what & 2) != 0 ? Role::kControlling : Role::kControlled;
    check.tie_breaker = (what & 4) != 0 ? UINT64_MAX : uint64_t{what} >> 3U;
    check.use_candidate = (what & 128) != 0;
    const CheckMessage message = CheckCodec::request(check, our_key_);
    deliver(path(), Bytes(message.bytes().begin(), message.bytes().end()));
  }

  void answer() {
    if (checks_.empty()) return;
    const Transmit& asked = checks_[in_->below(checks_.size())];
    const auto id = stun::parse_header(asked.message.bytes())->transaction_id;
    auto& key = in_->below(8) == 0 ? our_key_ : their_key_;
    const CheckMessage message = in_->below(4) == 0
                                     ? CheckCodec::role_conflict(id, key)
                                     : CheckCodec::success(id, address(*in_, 2), key);
    deliver(in_->below(8) == 0 ? path() : asked.path,
            Bytes(message.bytes().begin(), message.bytes().end()));
  }

  void settle() {
    agent_.handle_timeout(now_);
    size_t sent = 0;
    while (const auto out = agent_.poll_transmit()) {
      CONNLIB_CHECK(++sent <= kMaxQueuedTransmits);
      const auto header = stun::parse_header(out->message.bytes());
      if (header->type.cls != stun::MessageClass::kRequest) continue;
      CONNLIB_CHECK(has_remote_);
      checks_.push_back(*out);
      if (checks_.size() > 32) checks_.erase(checks_.begin());
    }
    while (agent_.poll_event()) continue;
    check_invariants();
  }

  void check_invariants() const {
    CONNLIB_CHECK(agent_.poll_timeout().at > now_);
    CONNLIB_CHECK(is_established(agent_.state()) == agent_.selected().has_value());
    CONNLIB_CHECK(agent_.pairs().size() <= kMaxPairs);
    CONNLIB_CHECK(agent_.local_candidates().size() <= kMaxLocalCandidates + kMaxLocalPeerReflexive);
    CONNLIB_CHECK(agent_.remote_candidates().size() <=
                  kMaxRemoteCandidates + kMaxRemotePeerReflexive);
    bool selected_is_listed = !agent_.selected();
    uint64_t last_priority = UINT64_MAX;
    for (const CandidatePair& pair : agent_.pairs()) {
      CONNLIB_CHECK(pair.priority() <= last_priority);
      last_priority = pair.priority();
      CONNLIB_CHECK(pair.path().local.ip.family() == pair.path().remote.ip.family());
      if (pair.path() == agent_.selected()) selected_is_listed = pair.is_alive();
    }
    CONNLIB_CHECK(selected_is_listed);
  }

  FuzzInput* in_;
  Timestamp now_ = Timestamp::from_nanoseconds(7'777'777'777'777);
  SeededRandom random_{7};
  Credentials ours_;
  Credentials theirs_;
  stun::IntegrityKey our_key_;
  stun::IntegrityKey their_key_;
  bool has_remote_;
  IceAgent agent_;
  std::vector<Transmit> checks_;
};

}  // namespace
}  // namespace connlib::snownet::ice

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  connlib::fuzz::FuzzInput in({data, size});
  connlib::snownet::ice::World(in).run();
  return 0;
}
