// S40 and S41: a relay refuses what it could have granted.
#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "tests/scenarios/stories/endings.h"
#include "tests/scenarios/stories/themes.h"

namespace connlib::scenarios {
namespace {

using snownet::stun::ErrorCode;
using snownet::stun::Message;
using snownet::stun::Method;

// Two relays for the client, another for the gateway; only relayed paths work.
Deployment relayed_deployment(Telling& t) {
  return Deployment(t, {.client = kSymmetric, .gateway = kPortRestricted, .relays = 3});
}
void give_relays(Deployment& d) {
  d.choose_relays(d.client(), {"relay 1", "relay 2"});
  d.choose_relays(d.gateway(), {"relay 3"});
}

void set_fault(Deployment& d, size_t relay, sim::RelayMachine::Fault fault) {
  d.world.act(d.relay(relay).machine,
              [&](sim::RelayMachine& machine, Timestamp) { machine.set_fault(std::move(fault)); });
}

bool is_allocated(const Deployment& d, size_t relay, const Party& party) {
  const auto* allocation = d.allocation_at(relay, party);
  return allocation != nullptr && allocation->is_allocated();
}

// --- S40

void tell_s40(Telling& t) {
  Deployment d = relayed_deployment(t);
  give_relays(d);
  auto requests = std::make_shared<uint64_t>(0);
  for (size_t i = 0; i < 3; ++i) {
    set_fault(d, i, [requests](const Message&) {
      return ++*requests % 3 == 0 ? std::optional(ErrorCode::kStaleNonce) : std::nullopt;
    });
  }
  d.start();
  expect_echo_within(t, d, d.started_at(), t.bound());
  d.world.run_for(4s);  // The best path is found.
  const Timestamp since = d.world.now();
  const uint64_t before = *requests;
  set_echo(d, 1s);
  d.world.run_for(16min);  // Allocations are refreshed, channels renewed.
  expect_uninterrupted(t, d, since);
  t.expect(*requests - before >= 9, "the relays were asked for something meanwhile");
  for (const Party* party : {&d.client(), &d.gateway()}) {
    t.expect((*party)->history().count(Happening::kFailed, d.started_at()) == 0,
             party->id() + " never fails");
  }
  expect_lasting(t, d);
}

// --- S41

struct Refusal {
  ErrorCode code{};
  Method method{};
  bool is_once = false;              // Else every time.
  bool has_allocation_then = false;  // The client, at that relay, by the table of section 2.5.
};

// An allocation mismatch mends itself by what it makes the client do, so it happens once. The last
// row is of a relay that never stops: another one serves.
constexpr std::array kRefusals = {
    Refusal{ErrorCode::kAllocationMismatch, Method::kAllocate, true, true},
    Refusal{ErrorCode::kAllocationMismatch, Method::kRefresh, true, true},
    Refusal{ErrorCode::kAllocationMismatch, Method::kChannelBind, true, true},
    Refusal{ErrorCode::kInsufficientCapacity, Method::kAllocate, false, false},
    Refusal{ErrorCode::kInsufficientCapacity, Method::kRefresh, true, true},
    Refusal{ErrorCode::kInsufficientCapacity, Method::kChannelBind, false, true},
    Refusal{ErrorCode::kUnknownAttribute, Method::kAllocate, false, false},
    Refusal{ErrorCode::kUnknownAttribute, Method::kRefresh, false, false},
    Refusal{ErrorCode::kUnknownAttribute, Method::kChannelBind, false, false},
    Refusal{ErrorCode::kUnauthorized, Method::kAllocate, false, false},
    Refusal{ErrorCode::kUnauthorized, Method::kRefresh, false, false},
    Refusal{ErrorCode::kUnauthorized, Method::kChannelBind, false, false},
    Refusal{ErrorCode::kAllocationMismatch, Method::kAllocate, false, false},
};

// The fault, and how often it has struck.
std::shared_ptr<uint64_t> refuse(Deployment& d, size_t relay, const Refusal& refusal) {
  auto count = std::make_shared<uint64_t>(0);
  set_fault(d, relay, [count, refusal](const Message& request) -> std::optional<ErrorCode> {
    if (request.type().method != refusal.method) return std::nullopt;
    if (refusal.is_once && *count > 0) return std::nullopt;
    ++*count;
    return refusal.code;
  });
  return count;
}

// expect_state() gives the client a moment to draw its conclusion.
void expect_state(Telling& t, Deployment& d, size_t relay, const Refusal& refusal) {
  const bool is_expected = d.world.run_until(
      [&] { return is_allocated(d, relay, d.client()) == refusal.has_allocation_then; }, 2s);
  t.expect(is_expected, fmt::format("the client has {} allocation there",
                                    refusal.has_allocation_then ? "an" : "no"));
}

void tell_refused_start(Telling& t, Deployment& d, const Refusal& refusal) {
  const auto count = refuse(d, 0, refusal);
  d.start();
  t.require(d.world.run_until([&] { return *count > 0; }, 2s), "the relay has refused");
  expect_state(t, d, 0, refusal);
  expect_echo_within(t, d, d.started_at(), t.bound());
  d.world.run_for(10s);
  t.expect(d.path_kind() == PathKind::kRelayed, "the path is relayed");
  // Whoever has given up its only relay asks the portal for another, and is told of the same.
  if (refusal.method != Method::kChannelBind) expect_state(t, d, 0, refusal);
  expect_lasting(t, d);
}

// While connecting. Whatever one relay says, another path is there.
void tell_s41_early(Telling& t, const Refusal& refusal) {
  Deployment d = relayed_deployment(t);
  give_relays(d);
  tell_refused_start(t, d, refusal);
}

// Channels are bound at the relay that was chosen, so there is no choice; the gateway's relay
// carries what that does not. It reaches the client at an address that it knows.
void tell_s41_channels(Telling& t, const Refusal& refusal) {
  Deployment d(t, {.client = kPortRestricted, .gateway = kPortRestricted, .relays = 2});
  d.choose_relays(d.client(), {"relay 1"});
  d.choose_relays(d.gateway(), {"relay 2"});
  d.world.network().cut(d.client().edge.host, d.gateway().edge.host);
  tell_refused_start(t, d, refusal);
}

// While data flows. The refresh comes after five minutes.
void tell_s41_late(Telling& t, const Refusal& refusal) {
  Deployment d = relayed_deployment(t);
  give_relays(d);
  d.connect(20s);
  const size_t used = *d.relay_of(d.client(), d.gateway());
  const auto count = refuse(d, used, refusal);
  set_echo(d, 100ms);
  const bool is_refused = d.world.run_until([&] { return *count > 0; }, 6min);
  t.require(is_refused, "the relay has refused");
  const Timestamp since = d.world.now();
  expect_echo_within(t, d, since + 1s, t.bound() - 1s);
  d.world.run_for(5s);
  expect_state(t, d, used, refusal);
  for (const Party* party : {&d.client(), &d.gateway()}) {
    t.expect((*party)->history().count(Happening::kFailed, since) <= 1,
             party->id() + " fails at most once");
  }
  expect_lasting(t, d);
}

void tell_s41(Telling& t) {
  const Refusal& refusal = kRefusals.at(t.variant());
  if (refusal.method == Method::kRefresh) return tell_s41_late(t, refusal);
  if (refusal.method == Method::kChannelBind) return tell_s41_channels(t, refusal);
  tell_s41_early(t, refusal);
}

}  // namespace

std::vector<Story> refusal_stories() {
  return {
      {.id = "S40",
       .title = "every third request is told that its nonce is stale",
       .expected = "nobody notices",
       .bound = 4s,
       .tell = tell_s40},
      {.id = "S41",
       .title = "a relay answers one kind of request with an error",
       .expected = "as the table of section 2.5 says; data finds a way",
       .bound = 6s,
       .tell = tell_s41,
       .variants = {"437 to an Allocate", "437 to a Refresh", "437 to a ChannelBind",
                    "508 to each Allocate", "508 to a Refresh", "508 to each ChannelBind",
                    "420 to each Allocate", "420 to each Refresh", "420 to each ChannelBind",
                    "401 to each Allocate", "401 to each Refresh", "401 to each ChannelBind",
                    "437 to each Allocate"}},
  };
}

}  // namespace connlib::scenarios
