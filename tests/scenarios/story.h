#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/scenarios/telling.h"

namespace connlib::scenarios {

// Story is one row of the scenarios' table: what is promised, and the function that tells it.
struct Story {
  std::string id;        // "S30"
  std::string title;     // A sentence.
  std::string expected;  // In the words of the table.
  Duration bound;        // From the trigger that the title names.
  void (*tell)(Telling&);
  std::vector<std::string> variants = {"plain"};  // telling.variant() is an index of these.

  // Some stories are about many runs or about hours; they are told with fewer seeds.
  uint64_t seeds_divided_by = 1;
};

// stories() is all of them, in the order of their ids.
const std::vector<Story>& stories();
const Story* find_story(std::string_view id);

struct TellOptions {
  uint64_t seed = 1;
  size_t variant = 0;
  bool is_traced = false;   // Prints every line of the trace.
  NodeTap* tap = nullptr;   // Listens to the node of the party
  std::string tapped = {};  // that is called so.
};

// tell() tells a story once. What the simulator itself finds wrong is a failure as well.
Outcome tell(const Story& story, const TellOptions& options);
// tell_twice() does so twice: equal seeds must give equal traces.
Outcome tell_twice(const Story& story, const TellOptions& options);

}  // namespace connlib::scenarios
