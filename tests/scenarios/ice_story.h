#pragma once

#include <catch2/catch.hpp>

#include "tests/scenarios/meeting.h"

// What the stories share. Every story is told over story_seeds() seeds.
namespace connlib::scenarios {

struct Ending {
  PathKind path;
  Duration bound;  // From the introduction: the first echo, and the last change of path.
};

// check_ending() is what every story demands of its end. The meeting was introduced and has
// settled.
inline void check_ending(const Meeting& meeting, const Ending& ending) {
  INFO(meeting.describe());
  CHECK(meeting.path_kind() == ending.path);
  CHECK(meeting.time_to_echo() <= ending.bound);
  CHECK(meeting.time_to_path() <= ending.bound);
  CHECK(meeting.ends_agree());
  CHECK(meeting.sends_data_to_selected_only());
  CHECK(meeting.candidates_converged());
}

inline constexpr Duration kQuiet = 4s;

// over_seeds() tells a story, `uint64_t story(uint64_t seed)`, twice for each seed. It gives the
// hash of its trace, and equal seeds must give equal ones.
template <typename Story>
void over_seeds(Story&& story) {
  for (uint64_t seed = 1; seed <= story_seeds(); ++seed) {
    INFO("seed " << seed << "; CONNLIB_SEED=" << seed << " tells it alone");
    const uint64_t first = story(seed);
    const uint64_t second = story(seed);
    CHECK(first == second);
  }
}

// tell() is the plain story: the two are introduced and settle.
template <typename More>
uint64_t tell(uint64_t seed, const MeetingOptions& options, const Ending& ending, More&& more) {
  Meeting meeting(seed, options);
  REQUIRE(meeting.introduce());
  REQUIRE(meeting.settle(ending.bound + 5s, kQuiet));
  check_ending(meeting, ending);
  more(meeting);
  return meeting.world.trace().hash();
}
inline uint64_t tell(uint64_t seed, const MeetingOptions& options, const Ending& ending) {
  return tell(seed, options, ending, [](Meeting& /*meeting*/) {});
}

}  // namespace connlib::scenarios
