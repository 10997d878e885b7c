// S50: what TCP makes of other stories. Each of them is told once more, with a stream of every
// system in it: none may be given up.
#include <array>

#include "tests/scenarios/stories/endings.h"
#include "tests/scenarios/stories/themes.h"

namespace connlib::scenarios {
namespace {

// Chapter is a variant of another story.
struct Chapter {
  const char* id = "";
  size_t variant = 0;
  const char* name = "";
};
constexpr std::array kChapters = {
    Chapter{"S22", 0, "S22, the path dies"},
    Chapter{"S26", 0, "S26, our relay is replaced"},
    Chapter{"S26", 1, "S26, AcceptAll"},
    Chapter{"S27", 0, "S27, the peer's relay is replaced"},
    Chapter{"S27", 1, "S27, AcceptAll"},
    Chapter{"S28", 0, "S28, relays lose the portal"},
    Chapter{"S29", 0, "S29, relays restart"},
    Chapter{"S29", 2, "S29, with the portal away"},
    Chapter{"S30", 0, "S30, the seed"},
    Chapter{"S31", 0, "S31, Literal"},
    Chapter{"S32", 0, "S32, AcceptAll"},
};

// And one of its own, as S44 has it: the client is somewhere else, and its portal is back later.
void tell_roaming(Telling& t) {
  Deployment d(t, {.client = kPortRestricted, .gateway = kPortRestricted});
  d.connect();
  d.roam(d.client(), kSymmetric, 1s, 3s);
  expect_echo_within(t, d, d.world.now() + d.weather.portal, 4s);
  expect_lasting(t, d);
}

void tell_with_streams(Telling& t, size_t variant, Duration bound, void (*tell)(Telling&)) {
  Telling inner(t.seed(), variant, bound, t.is_traced());
  inner.carry_streams();
  try {
    tell(inner);
  } catch (const StoryEnded&) {  // Its failure is noted.
  }
  t.absorb(inner.take_outcome(), "stream");
}

void tell_s50(Telling& t) {
  if (t.variant() == kChapters.size()) return tell_with_streams(t, 0, t.bound(), tell_roaming);
  const Chapter& chapter = kChapters.at(t.variant());
  const Story* story = find_story(chapter.id);
  if (story == nullptr) return t.fail("there is no such story");
  tell_with_streams(t, chapter.variant, story->bound, story->tell);
}

std::vector<std::string> names_of_chapters() {
  std::vector<std::string> names;
  names.reserve(kChapters.size() + 1);
  for (const Chapter& chapter : kChapters) names.emplace_back(chapter.name);
  names.emplace_back("the client roams");
  return names;
}

}  // namespace

std::vector<Story> stream_stories() {
  return {
      {.id = "S50",
       .title = "TCP lives through relays that come and go, paths that die and a roam",
       .expected = "survives; Windows gives up after 90 s, Apple after 450 s, Linux after 924 s",
       .bound = 90s,
       .tell = tell_s50,
       .variants = names_of_chapters(),
       .seeds_divided_by = 4}};
}

}  // namespace connlib::scenarios
