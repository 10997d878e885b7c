// Every kind of edge with every other, in both roles.
#include <algorithm>

#include <fmt/format.h>

#include "tests/scenarios/ice_story.h"

namespace connlib::scenarios {
namespace {

const std::vector<Edge> kEdges = {kOpen,      kFullCone,  kAddressRestricted, kPortRestricted,
                                  kSymmetric, kDoubleNat, kRelaysOnly,        kStatefulV6};

template <typename Visit>
void for_each_pairing(Visit&& visit) {
  for (const Edge& client : kEdges) {
    for (const Edge& gateway : kEdges) visit(client, gateway);
  }
}

void meet_all(PathKind expected) {
  size_t pairings = 0;
  for_each_pairing([&](const Edge& client, const Edge& gateway) {
    if (expected_path(client, gateway) != expected) return;
    ++pairings;
    for (uint64_t seed = 1; seed <= story_seeds(); ++seed) {
      INFO(client.name << " with " << gateway.name << ", seed " << seed);
      tell(seed, {.client = client, .gateway = gateway}, {expected, 4s});
    }
  });
  CHECK(pairings > 0);
}

TEST_CASE("whoever can meet directly does so within four seconds", "[matrix]") {
  meet_all(PathKind::kDirect);
}

TEST_CASE("whoever cannot meet directly meets at one relay if that is enough", "[matrix]") {
  meet_all(PathKind::kRelayed);
}

TEST_CASE("two relays are used where neither end can be reached from the other's", "[matrix]") {
  meet_all(PathKind::kRelayToRelay);
}

TEST_CASE("a pairing that is told twice has equal traces, another seed has another", "[matrix]") {
  const uint64_t seeds = std::min<uint64_t>(story_seeds(), 10);
  for_each_pairing([&](const Edge& client, const Edge& gateway) {
    INFO(client.name << " with " << gateway.name);
    const auto trace_of = [&](uint64_t seed) {
      Meeting meeting(seed, {.client = client, .gateway = gateway});
      meeting.introduce();
      meeting.world.run_for(4s);
      return meeting.world.trace().hash();
    };
    std::set<uint64_t> traces;
    for (uint64_t seed = 1; seed <= seeds; ++seed) {
      const uint64_t first = trace_of(seed);
      CHECK(trace_of(seed) == first);
      traces.insert(first);
    }
    CHECK(traces.size() == seeds);
  });
}

struct Times {
  std::vector<Duration> echo;
  std::vector<Duration> path;
};

std::string median_and_max(std::vector<Duration> times) {
  std::sort(times.begin(), times.end());
  const auto seconds = [](Duration d) { return static_cast<double>(d / 1ms) / 1000; };
  return fmt::format("{:.2f}/{:.2f}", seconds(times[times.size() / 2]), seconds(times.back()));
}

// For README.md: `connlib_scenarios_test "[table]"`.
TEST_CASE("the table of all pairings is printed", "[.][table]") {
  std::string out = "| client \\ gateway |";
  for (const Edge& edge : kEdges) out += fmt::format(" {} |", edge.name);
  const Edge* row = nullptr;
  for_each_pairing([&](const Edge& client, const Edge& gateway) {
    Times times;
    std::set<std::string> kinds;
    for (uint64_t seed = 1; seed <= story_seeds(); ++seed) {
      Meeting meeting(seed, {.client = client, .gateway = gateway});
      REQUIRE(meeting.introduce());
      REQUIRE(meeting.settle(10s, kQuiet));
      kinds.insert(name(meeting.path_kind().value()));
      times.echo.push_back(meeting.time_to_echo());
      times.path.push_back(meeting.time_to_path());
    }
    REQUIRE(kinds.size() == 1);
    if (row != &client) out += fmt::format("\n| {} |", client.name);
    row = &client;
    out += fmt::format(" {} {} {} |", *kinds.begin(), median_and_max(times.echo),
                       median_and_max(times.path));
  });
  fmt::print("{}\n", out);
}

}  // namespace
}  // namespace connlib::scenarios
