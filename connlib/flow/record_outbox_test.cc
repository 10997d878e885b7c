#include "connlib/flow/record_outbox.h"

#include <catch2/catch.hpp>

namespace connlib::flow {
namespace {

Attribution attribution(uint64_t scope, const char* token) {
  return {ScopeId(scope), SecretText(token)};
}

FlowRecord record(const char* domain) { return {.domain = domain}; }

TEST_CASE("records leave in batches of one token, those that waited longest first") {
  RecordOutbox outbox(100);
  outbox.hold(attribution(1, "one"));
  outbox.hold(attribution(2, "two"));
  outbox.add(ScopeId(2), record("a"));
  outbox.add(ScopeId(1), record("b"));
  outbox.add(ScopeId(2), record("c"));
  CHECK(outbox.poll(10) == FlowBatch{SecretText("two"), {record("a"), record("c")}});
  CHECK(outbox.poll(10) == FlowBatch{SecretText("one"), {record("b")}});
  CHECK_FALSE(outbox.poll(10).has_value());
}

TEST_CASE("a batch is no larger than asked for, and no authorization keeps others waiting") {
  RecordOutbox outbox(100);
  outbox.hold(attribution(1, "one"));
  outbox.hold(attribution(2, "two"));
  for (int i = 0; i < 5; ++i) outbox.add(ScopeId(1), record("a"));
  outbox.add(ScopeId(2), record("b"));
  CHECK(outbox.poll(2)->records.size() == 2);
  CHECK(outbox.poll(2)->token == SecretText("two"));
  CHECK(outbox.poll(2)->records.size() == 2);
  CHECK(outbox.poll(2)->records.size() == 1);
  CHECK(outbox.empty());
}

TEST_CASE("records of a shell that fetches none are lost and counted") {
  RecordOutbox outbox(3);
  outbox.hold(attribution(1, "one"));
  for (int i = 0; i < 5; ++i) outbox.add(ScopeId(1), record("a"));
  CHECK(outbox.size() == 3);
  CHECK(outbox.lost() == 2);
  CHECK(outbox.poll(10)->records.size() == 3);
  outbox.add(ScopeId(1), record("b"));
  CHECK(outbox.poll(10)->records == std::vector{record("b")});
}

TEST_CASE("a token is kept as long as a flow or a record needs it") {
  RecordOutbox outbox(100);
  outbox.hold(attribution(1, "one"));
  outbox.hold(attribution(1, "one"));
  outbox.release(ScopeId(1));
  CHECK(outbox.token_count() == 1);
  outbox.add(ScopeId(1), record("a"));
  outbox.release(ScopeId(1));
  CHECK(outbox.token_count() == 1);
  CHECK(outbox.poll(10)->token == SecretText("one"));
  CHECK(outbox.token_count() == 0);
}

}  // namespace
}  // namespace connlib::flow
