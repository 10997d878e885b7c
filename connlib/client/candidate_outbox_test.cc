#include "connlib/client/candidate_outbox.h"

#include <catch2/catch.hpp>

namespace connlib::client {
namespace {

using Kind = CandidateBatch::Kind;
using Batches = std::vector<CandidateBatch>;

const PeerName kBerlin = GatewayId("berlin");
const PeerName kLaptop = ClientId("laptop");

Batches drain(CandidateOutbox& outbox) {
  Batches out;
  while (auto batch = outbox.poll()) out.push_back(*batch);
  return out;
}

TEST_CASE("candidates leave as one batch per peer, best first") {
  CandidateOutbox outbox(8);
  outbox.add(kBerlin, "relay", 10);
  outbox.add(kLaptop, "host of the other", 100);
  outbox.add(kBerlin, "host", 100);
  outbox.add(kBerlin, "srflx", 50);
  CHECK(drain(outbox) == Batches{{kBerlin, Kind::kAdded, {"host", "srflx", "relay"}},
                                 {kLaptop, Kind::kAdded, {"host of the other"}}});
  CHECK_FALSE(outbox.has_news());
}

TEST_CASE("removals follow additions") {
  CandidateOutbox outbox(8);
  outbox.add(kBerlin, "old", 10);
  drain(outbox);
  outbox.remove(kBerlin, "old");
  outbox.add(kBerlin, "new", 10);
  CHECK(drain(outbox) ==
        Batches{{kBerlin, Kind::kAdded, {"new"}}, {kBerlin, Kind::kRemoved, {"old"}}});
}

// Lesson dc547a6884: candidates of a portal outage were lost, and the path with them.
TEST_CASE("candidates of an outage are told when the portal is back") {
  CandidateOutbox outbox(8);
  outbox.handle_portal(false);
  outbox.add(kBerlin, "a", 1);
  outbox.add(kBerlin, "b", 2);
  outbox.remove(kBerlin, "told before");
  CHECK_FALSE(outbox.has_news());
  CHECK(drain(outbox).empty());
  outbox.handle_portal(true);
  CHECK(outbox.has_news());
  CHECK(drain(outbox) ==
        Batches{{kBerlin, Kind::kAdded, {"b", "a"}}, {kBerlin, Kind::kRemoved, {"told before"}}});
}

TEST_CASE("what came and went during an outage is never told") {
  CandidateOutbox outbox(8);
  outbox.handle_portal(false);
  outbox.add(kBerlin, "came and went", 1);
  outbox.remove(kBerlin, "came and went");
  outbox.remove(kBerlin, "went and came");
  outbox.add(kBerlin, "went and came", 1);
  outbox.handle_portal(true);
  CHECK(drain(outbox) == Batches{{kBerlin, Kind::kAdded, {"went and came"}}});
}

TEST_CASE("the candidates of a connection that ended are not told") {
  CandidateOutbox outbox(8);
  outbox.handle_portal(false);
  outbox.add(kBerlin, "a", 1);
  outbox.add(kLaptop, "b", 1);
  outbox.forget(kBerlin);
  outbox.handle_portal(true);
  CHECK(drain(outbox) == Batches{{kLaptop, Kind::kAdded, {"b"}}});
}

TEST_CASE("an outage without end holds a bounded number of candidates") {
  CandidateOutbox outbox(2);
  outbox.handle_portal(false);
  for (uint32_t i = 0; i < 100; ++i) {
    outbox.add(kBerlin, "new " + std::to_string(i), i);
    outbox.remove(kBerlin, "old " + std::to_string(i));
  }
  outbox.handle_portal(true);
  const Batches batches = drain(outbox);
  REQUIRE(batches.size() == 2);
  CHECK(batches[0].candidates.size() == 2);
  CHECK(batches[1].candidates.size() == 2);
}

}  // namespace
}  // namespace connlib::client
