// Every story of the registry as a test: over story_seeds() seeds, twice for each.
#include <deque>

#include <catch2/catch.hpp>

#include "tests/scenarios/random_world.h"
#include "tests/scenarios/seeds.h"
#include "tests/scenarios/story.h"

namespace connlib::scenarios {
namespace {

std::string text_of(const Outcome& outcome) {
  std::string text;
  for (const std::string& failure : outcome.failures) text += failure + "\n";
  return text + outcome.report;
}

class StoryTest : public Catch::ITestInvoker {
 public:
  explicit StoryTest(const Story& story) : story_(story) {}

  void invoke() const override {
    for (size_t variant = 0; variant < story_.variants.size(); ++variant) {
      for (uint64_t seed = 1; seed <= seeds(); ++seed) {
        INFO(story_.variants[variant] << "; connlib-sim --scenario " << story_.id << " --variant "
                                      << variant << " --seed " << seed << " tells it alone");
        const Outcome outcome = tell_twice(story_, {.seed = seed, .variant = variant});
        INFO(text_of(outcome));
        CHECK(outcome.has_passed());
      }
    }
  }

 private:
  uint64_t seeds() const { return std::max<uint64_t>(1, story_seeds() / story_.seeds_divided_by); }

  const Story& story_;
};

// Catch2 collects what is registered before main().
std::deque<Catch::AutoReg> register_stories() {
  std::deque<Catch::AutoReg> registered;
  for (const Story& story : stories()) {
    registered.emplace_back(new StoryTest(story), CATCH_INTERNAL_LINEINFO, Catch::StringRef(),
                            Catch::NameAndTags(story.id + ": " + story.title, "[story]"));
  }
  return registered;
}
const std::deque<Catch::AutoReg> registered_stories = register_stories();

TEST_CASE("a connection whose relay is given up moves on without a spin") {
  const auto seed =
      GENERATE(values<uint64_t>({376, 849, 1200, 1475, 1616, 1678}));  // Random worlds.
  const Outcome outcome = tell(random_story(), {.seed = seed});
  INFO("connlib-sim --random --seed " << seed << " tells it alone\n" << text_of(outcome));
  CHECK(outcome.has_passed());
}

// Random worlds again: one message of the peer's withdraws what is selected and then what comes
// next.
TEST_CASE("data goes on where the agent last said, until it says otherwise") {
  const auto seed = GENERATE(values<uint64_t>({461, 1138, 1968, 4295}));
  const Outcome outcome = tell(random_story(), {.seed = seed});
  INFO("connlib-sim --random --seed " << seed << " tells it alone\n" << text_of(outcome));
  CHECK(outcome.has_passed());
}

// The client's initiation is lost, the gateway's gives both a session, and then the path changes.
TEST_CASE("whoever has got a session meanwhile may begin another handshake") {
  const auto seed = GENERATE(values<uint64_t>({490, 742, 887}));
  const Outcome outcome = tell(random_story(), {.seed = seed});
  INFO("connlib-sim --random --seed " << seed << " tells it alone\n" << text_of(outcome));
  CHECK(outcome.has_passed());
}

}  // namespace
}  // namespace connlib::scenarios
