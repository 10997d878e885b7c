#pragma once

#include "tests/model/model_run.h"

namespace connlib::model_test {

// shrink() leaves out as many transitions of a failing run as it can while it still fails, in any
// way. The result is that of the shortest run that was found.
RunResult shrink(const RunOptions& options, const RunResult& failed);

// describe() is the story of a failed run for people, with the command that replays it.
std::string describe(const RunResult& result);

}  // namespace connlib::model_test
