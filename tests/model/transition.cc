#include "tests/model/transition.h"

#include <array>
#include <utility>

#include "tests/model/catalogue.h"

namespace connlib::model_test {
namespace {

using Kind = Transition::Kind;

struct Row {
  Kind kind;
  const char* name;
  uint32_t weight;
};
constexpr std::array<Row, static_cast<size_t>(Kind::kCount)> kRows = {{
    {Kind::kSendToAddress, "send to an address", 35},
    {Kind::kSendToName, "send to a name", 25},
    {Kind::kSendToGateway, "send to a gateway", 3},
    {Kind::kQuery, "query", 6},
    {Kind::kLie, "lie", 20},
    {Kind::kOffer, "offer a resource", 10},
    {Kind::kWithdraw, "withdraw a resource", 2},
    {Kind::kAllow, "allow", 3},
    {Kind::kDeny, "deny", 6},
    {Kind::kSetRecords, "set records", 6},
    {Kind::kSetError, "set an error", 2},
    {Kind::kWantInternet, "want the Internet", 2},
    {Kind::kSetLifetime, "set the lifetime of grants", 2},
    {Kind::kIdle, "idle", 3},
    {Kind::kRoam, "roam", 2},
    {Kind::kRestartClient, "restart a client", 1},
    {Kind::kCutClient, "cut a client off the portal", 1},
    {Kind::kMendClient, "bring a client back to the portal", 2},
    {Kind::kCutGateway, "cut a gateway off the portal", 1},
    {Kind::kMendGateway, "bring a gateway back to the portal", 2},
    {Kind::kKillGateway, "kill a gateway", 1},
    {Kind::kStopGateway, "stop a gateway", 1},
    {Kind::kStartGateway, "start a gateway", 3},
    {Kind::kRebootRelay, "reboot a relay", 1},
}};

constexpr uint32_t total_weight() {
  uint32_t sum = 0;
  for (const Row& row : kRows) sum += row.weight;
  return sum;
}

}  // namespace

const char* name(Kind kind) {
  for (const Row& row : kRows) {
    if (row.kind == kind) return row.name;
  }
  return "nothing";
}

std::vector<Transition> draw_transitions(RandomSource& random, size_t count) {
  std::vector<Transition> out;
  // A world worth living in comes first.
  const auto draw = [&](Kind kind, uint32_t a) {
    out.push_back({kind, a, random.next_u32() >> 8, random.next_u32() >> 8});
  };
  for (uint32_t domain = 0; domain < domains().size(); ++domain) draw(Kind::kSetRecords, domain);
  for (uint32_t resource = 0; resource < kResources; ++resource) {
    if (random.below(4) != 0) draw(Kind::kOffer, resource);
  }
  for (uint32_t client = 0; client < kClients; ++client) draw(Kind::kWantInternet, client);
  for (count += out.size(); out.size() < count;) {
    auto ticket = static_cast<uint32_t>(random.below(total_weight()));
    for (const Row& row : kRows) {
      if (ticket < row.weight) {
        out.push_back(
            {row.kind, random.next_u32() >> 8, random.next_u32() >> 8, random.next_u32() >> 8});
        break;
      }
      ticket -= row.weight;
    }
  }
  return out;
}

}  // namespace connlib::model_test
