// Prints the seed and the end of the trace of every world that exists when an assertion fails.
// Compiled into each test program that uses the simulator.
#include <iostream>

#define CATCH_CONFIG_EXTERNAL_INTERFACES  // Listeners.
#include <catch2/catch.hpp>

#include "tests/sim/world.h"

namespace connlib::sim {
namespace {

class FailureReport : public Catch::TestEventListenerBase {
 public:
  using TestEventListenerBase::TestEventListenerBase;

  bool assertionEnded(const Catch::AssertionStats& stats) override {  // NOLINT: Catch2's name.
    if (!stats.assertionResult.isOk()) {
      for (const World* world : World::all()) std::cerr << "sim: " << world->report() << "\n";
    }
    return true;
  }
};
CATCH_REGISTER_LISTENER(FailureReport)

}  // namespace
}  // namespace connlib::sim
