#pragma once

#include "tests/scenarios/story.h"

namespace connlib::scenarios {

// random_story() lets the seed choose a world and what goes wrong in it. When the faults stop, the
// echo must recover within the bound and stay up for a minute.
const Story& random_story();

}  // namespace connlib::scenarios
