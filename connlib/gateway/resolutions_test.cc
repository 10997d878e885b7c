#include "connlib/gateway/resolutions.h"

#include <catch2/catch.hpp>

#include "tests/support/packets.h"
#include "tests/support/start_time.h"

namespace connlib::gateway {
namespace {

using testing::address;
using testing::kStart;
using Asked = Resolutions::Asked;

constexpr Resolutions::Limits kLimits{.total = 3, .per_client = 2, .timeout = 15s};
const ClientId kAlice("alice");
const ClientId kBob("bob");

ResolutionWaiter waiter(const ClientId& client, std::string domain, const char* resource = "wiki",
                        const char* proxy = "100.96.0.1") {
  return {client, ResourceId(resource), std::move(domain), {address(proxy)}};
}

TEST_CASE("identical questions are asked once and everybody gets the answer") {
  Resolutions resolutions(kLimits);
  const auto first = resolutions.ask(kStart, waiter(kAlice, "wiki.example.com"));
  REQUIRE(first.what == Asked::kStarted);
  const auto second = resolutions.ask(kStart + 1s, waiter(kBob, "Wiki.example.COM"));
  CHECK(second.what == Asked::kJoined);
  CHECK(second.id == first.id);

  // Each is told the name as it spelled it.
  const std::vector<ResolutionWaiter> expected = {waiter(kAlice, "wiki.example.com"),
                                                  waiter(kBob, "Wiki.example.COM")};
  CHECK(resolutions.take(first.id) == expected);
  CHECK(resolutions.take(first.id).empty());
  CHECK(resolutions.size() == 0);
  CHECK(resolutions.next_timeout().is_never());
}

TEST_CASE("a client that repeats itself waits once, for its latest proxies") {
  Resolutions resolutions(kLimits);
  const auto first = resolutions.ask(kStart, waiter(kAlice, "a.example", "wiki", "100.96.0.1"));
  for (int i = 0; i < 10; ++i) {
    CHECK(resolutions.ask(kStart + 2s, waiter(kAlice, "a.example", "wiki", "100.96.0.9")).what ==
          Asked::kJoined);
  }
  CHECK(resolutions.take(first.id) ==
        std::vector{waiter(kAlice, "a.example", "wiki", "100.96.0.9")});
}

TEST_CASE("one domain of two resources is resolved once and announced for both") {
  Resolutions resolutions(kLimits);
  const auto first = resolutions.ask(kStart, waiter(kAlice, "a.example", "wiki"));
  CHECK(resolutions.ask(kStart, waiter(kAlice, "a.example", "mirror")).what == Asked::kJoined);
  CHECK(resolutions.take(first.id).size() == 2);
}

TEST_CASE("a later question after an answer is asked anew") {
  Resolutions resolutions(kLimits);
  const auto first = resolutions.ask(kStart, waiter(kAlice, "a.example"));
  resolutions.take(first.id);
  const auto second = resolutions.ask(kStart, waiter(kAlice, "a.example"));
  CHECK(second.what == Asked::kStarted);
  CHECK(second.id != first.id);
}

TEST_CASE("one client cannot use up what there is for all") {
  Resolutions resolutions(kLimits);
  CHECK(resolutions.ask(kStart, waiter(kAlice, "1.example")).what == Asked::kStarted);
  CHECK(resolutions.ask(kStart, waiter(kAlice, "2.example")).what == Asked::kStarted);
  CHECK(resolutions.ask(kStart, waiter(kAlice, "3.example")).what == Asked::kTooMany);
  const auto of_bob = resolutions.ask(kStart, waiter(kBob, "3.example"));
  CHECK(of_bob.what == Asked::kStarted);
  CHECK(resolutions.ask(kStart, waiter(kAlice, "3.example")).what == Asked::kTooMany);
  // And all together cannot use more than the shell runs.
  CHECK(resolutions.ask(kStart, waiter(kBob, "4.example")).what == Asked::kTooMany);

  // An answer makes room again, for the client and for all.
  resolutions.take(of_bob.id);
  CHECK(resolutions.ask(kStart, waiter(kBob, "4.example")).what == Asked::kStarted);
}

TEST_CASE("a resolution that the shell lost is given up") {
  Resolutions resolutions(kLimits);
  const auto lost = resolutions.ask(kStart, waiter(kAlice, "1.example"));
  resolutions.ask(kStart + 4s, waiter(kBob, "2.example"));
  CHECK(resolutions.next_timeout() == kStart + 15s);
  CHECK(resolutions.take_overdue(kStart + 15s - 1ns).empty());
  CHECK(resolutions.take_overdue(kStart + 15s) == std::vector{waiter(kAlice, "1.example")});
  CHECK(resolutions.next_timeout() == kStart + 19s);
  CHECK(resolutions.take(lost.id).empty());  // The late answer finds nobody.
}

TEST_CASE("a client that is gone gets no answer, while its question still counts") {
  Resolutions resolutions(kLimits);
  const auto first = resolutions.ask(kStart, waiter(kAlice, "1.example"));
  resolutions.ask(kStart, waiter(kBob, "1.example"));
  resolutions.forget(kAlice);
  CHECK(resolutions.size() == 1);
  CHECK(resolutions.take(first.id) == std::vector{waiter(kBob, "1.example")});
  // Its own count started afresh.
  CHECK(resolutions.ask(kStart, waiter(kAlice, "1.example")).what == Asked::kStarted);
  CHECK(resolutions.ask(kStart, waiter(kAlice, "2.example")).what == Asked::kStarted);
}

}  // namespace
}  // namespace connlib::gateway
