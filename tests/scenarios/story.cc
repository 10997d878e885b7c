#include "tests/scenarios/story.h"

#include <algorithm>

#include "tests/scenarios/stories/themes.h"

namespace connlib::scenarios {
namespace {

std::vector<Story> all_stories() {
  std::vector<Story> all;
  for (const auto& theme :
       {path_stories(), setting_up_stories(), lifetime_stories(), failover_stories(),
        relay_stories(), seed_stories(), silent_relay_stories(), host_stories(), identity_stories(),
        forgery_stories(), crowd_stories(), stream_stories(), refusal_stories(), mapping_stories(),
        renewal_stories(), roaming_stories()}) {
    all.insert(all.end(), theme.begin(), theme.end());
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Story& a, const Story& b) { return a.id < b.id; });
  return all;
}

}  // namespace

const std::vector<Story>& stories() {
  static const std::vector<Story> all = all_stories();
  return all;
}

const Story* find_story(std::string_view id) {
  const auto& all = stories();
  const auto at = std::find_if(all.begin(), all.end(), [&](const Story& s) { return s.id == id; });
  return at == all.end() ? nullptr : &*at;
}

Outcome tell(const Story& story, const TellOptions& options) {
  Telling telling(options.seed, options.variant, story.bound, options.is_traced);
  if (options.tap != nullptr) telling.set_tap(*options.tap, options.tapped);
  try {
    story.tell(telling);
  } catch (const StoryEnded&) {  // Its failure is noted.
  } catch (const sim::Failure& failure) {
    telling.fail(failure.what());
  }
  return telling.take_outcome();
}

Outcome tell_twice(const Story& story, const TellOptions& options) {
  Outcome first = tell(story, options);
  if (!first.has_passed()) return first;
  const Outcome second = tell(story, {.seed = options.seed, .variant = options.variant});
  if (first.trace_hash != second.trace_hash) {
    first.failures.emplace_back("equal seeds gave different traces");
  }
  return first;
}

}  // namespace connlib::scenarios
