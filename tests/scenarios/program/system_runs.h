#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace connlib::scenarios {

struct SystemRuns {
  uint64_t first_seed = 1;
  uint64_t last_seed = 1;
  std::string only;      // Numbers of transitions, with commas; empty: all.
  std::string mutation;  // Empty, "filters", "names" or "revoked": broken in that way.
  bool is_traced = false;
  size_t workers = 1;
};

// run_systems() lets random transitions happen to whole systems (tests/model), shrinks what fails
// and prints it. Gives the exit status.
int run_systems(const SystemRuns& runs);

}  // namespace connlib::scenarios
