#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "connlib/base/random_source.h"

namespace connlib::model_test {

// Transition is one thing that happens. Its numbers mean what is there at that moment, modulo how
// many there are, so that any part of a list of transitions is a list of transitions.
struct Transition {
  enum class Kind : uint8_t {
    kSendToAddress,  // who, target, protocol and port
    kSendToName,     // who, domain, protocol and port
    kSendToGateway,  // who, gateway, protocol and port
    kQuery,          // who, domain, type
    kLie,            // who, what, detail
    kOffer,          // resource, variant: created or changed
    kWithdraw,       // resource
    kAllow,          // who, resource
    kDeny,           // who, resource
    kSetRecords,     // domain, variant
    kSetError,       // target, error
    kWantInternet,   // who, whether
    kSetLifetime,    // how long grants last from now on
    kIdle,           // how long
    kRoam,           // who
    kRestartClient,  // who
    kCutClient,      // who: no portal
    kMendClient,     // who
    kCutGateway,     // gateway: no portal
    kMendGateway,    // gateway
    kKillGateway,    // gateway: without a word
    kStopGateway,    // gateway: with a goodbye
    kStartGateway,   // gateway
    kRebootRelay,    // relay
    kCount,
  };

  Kind kind = Kind::kIdle;
  uint32_t a = 0;
  uint32_t b = 0;
  uint32_t c = 0;
};

const char* name(Transition::Kind kind);

// draw_transitions() is what happens in one run.
std::vector<Transition> draw_transitions(RandomSource& random, size_t count);

}  // namespace connlib::model_test
