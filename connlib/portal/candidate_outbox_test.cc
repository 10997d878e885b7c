#include "connlib/portal/candidate_outbox.h"

#include <catch2/catch.hpp>

namespace connlib::portal {
namespace {

using Outbox = CandidateOutbox<std::string>;
using Batch = CandidateBatch<std::string>;

TEST_CASE("candidates leave in one batch per peer, the most preferred first") {
  Outbox outbox(8);
  outbox.add("bob", "low", 1);
  outbox.add("bob", "high", 9);
  outbox.add("alice", "only", 5);
  CHECK(outbox.poll() == Batch{"alice", CandidateChange::kAdded, {"only"}});
  CHECK(outbox.poll() == Batch{"bob", CandidateChange::kAdded, {"high", "low"}});
  CHECK_FALSE(outbox.poll().has_value());
}

TEST_CASE("what comes and goes while the portal is away is never told") {
  Outbox outbox(8);
  outbox.add("bob", "known", 1);
  REQUIRE(outbox.poll().has_value());
  outbox.handle_portal(false);
  outbox.add("bob", "brief", 2);
  outbox.remove("bob", "brief");
  outbox.add("bob", "lasting", 3);
  outbox.remove("bob", "known");
  CHECK_FALSE(outbox.has_news());
  CHECK_FALSE(outbox.poll().has_value());
  outbox.handle_portal(true);
  CHECK(outbox.has_news());
  CHECK(outbox.poll() == Batch{"bob", CandidateChange::kAdded, {"lasting"}});
  CHECK(outbox.poll() == Batch{"bob", CandidateChange::kInvalidated, {"known"}});
  CHECK_FALSE(outbox.has_news());
}

TEST_CASE("a candidate that comes back is not told to have gone") {
  Outbox outbox(8);
  outbox.handle_portal(false);
  outbox.remove("bob", "flapping");
  outbox.add("bob", "flapping", 3);
  outbox.handle_portal(true);
  CHECK(outbox.poll() == Batch{"bob", CandidateChange::kAdded, {"flapping"}});
  CHECK_FALSE(outbox.poll().has_value());
}

TEST_CASE("a connection that ended takes its candidates along, and a peer has so many at most") {
  Outbox outbox(2);
  for (const char* candidate : {"a", "b", "c"}) outbox.add("bob", candidate, 1);
  outbox.add("alice", "a", 1);
  outbox.forget("alice");
  const auto batch = outbox.poll();
  REQUIRE(batch.has_value());
  CHECK(batch->candidates.size() == 2);
  CHECK_FALSE(outbox.has_news());
}

}  // namespace
}  // namespace connlib::portal
