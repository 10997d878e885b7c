#pragma once

#include <optional>
#include <vector>

#include "snownet/ice/two_agents.h"

namespace connlib::snownet::ice::testing {

// ScriptedPeer writes checks and answers as a test wants them, for the cases that our own agent
// would never produce. It speaks as B to an agent that has A's credentials.
class ScriptedPeer {
 public:
  struct Check {
    bool use_candidate = false;
    Role role = Role::kControlling;
    uint64_t tie_breaker = 1;
    std::string sender_ufrag = kCredentialsB.ufrag();
    std::string receiver_ufrag = kCredentialsA.ufrag();
    std::string password = kCredentialsA.password();
    uint32_t priority = 1'853'824'767;
  };

  std::vector<uint8_t> check(const Check& wanted) {
    CheckRequest check;
    check.id = stun::TransactionId::random(random_);
    check.receiver_ufrag = wanted.receiver_ufrag;
    check.sender_ufrag = wanted.sender_ufrag;
    check.priority = wanted.priority;
    check.role = wanted.role;
    check.tie_breaker = wanted.tie_breaker;
    check.use_candidate = wanted.use_candidate;
    auto key = stun::IntegrityKey::short_term(wanted.password);
    return bytes(CheckCodec::request(check, key));
  }
  std::vector<uint8_t> check() { return check(Check{}); }

  static std::vector<uint8_t> success(const Transmit& request, const SocketAddress& mapped,
                                      const Credentials& credentials = kCredentialsB) {
    auto key = stun::IntegrityKey::short_term(credentials.password());
    return bytes(CheckCodec::success(id(request), mapped, key));
  }
  static std::vector<uint8_t> role_conflict(const Transmit& request) {
    auto key = stun::IntegrityKey::short_term(kCredentialsB.password());
    return bytes(CheckCodec::role_conflict(id(request), key));
  }

 private:
  static stun::TransactionId id(const Transmit& request) {
    return stun::parse_header(request.message.bytes())->transaction_id;
  }
  static std::vector<uint8_t> bytes(const CheckMessage& message) {
    return {message.bytes().begin(), message.bytes().end()};
  }
  SeededRandom random_{99};
};

// The checks and answers that `agent` has queued.
inline std::vector<Transmit> drain(IceAgent& agent) {
  std::vector<Transmit> all;
  while (const auto out = agent.poll_transmit()) all.push_back(*out);
  while (agent.poll_event()) continue;
  return all;
}

inline bool is_request(const Transmit& transmit) {
  return stun::parse_header(transmit.message.bytes())->type.cls == stun::MessageClass::kRequest;
}

}  // namespace connlib::snownet::ice::testing
