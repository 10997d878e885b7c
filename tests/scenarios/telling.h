#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/scenarios/peer/node_tap.h"
#include "tests/sim/digest.h"
#include "tests/sim/world.h"

namespace connlib::scenarios {

// Measure is a span that a story promised to keep within a bound. A bound of zero: only told.
struct Measure {
  std::string what;
  Duration span{};
  Duration bound{};
};

// Outcome is what came of telling a story once.
struct Outcome {
  uint64_t seed = 0;
  uint64_t trace_hash = 0;
  std::vector<std::string> failures;  // Broken promises, in words.
  std::vector<Measure> measures;
  std::string report;  // The end of the trace, if something failed.

  bool has_passed() const { return failures.empty(); }
};

// StoryEnded leaves a story that cannot go on; what was wrong is in the outcome.
class StoryEnded : public std::runtime_error {
 public:
  StoryEnded() : std::runtime_error("the story ended early") {}
};

// Telling is what a story tells itself to: it takes promises and measures, and the trace of every
// world. It knows nothing of Catch2, so that a test and a program tell the same stories.
class Telling {
 public:
  Telling(uint64_t seed, size_t variant, Duration bound, bool is_traced)
      : variant_(variant), bound_(bound), is_traced_(is_traced) {
    outcome_.seed = seed;
  }

  uint64_t seed() const { return outcome_.seed; }
  size_t variant() const { return variant_; }
  Duration bound() const { return bound_; }  // The one of the story's row.

  // expect() notes a broken promise and goes on; require() ends the story.
  bool expect(bool holds, const std::string& promise);
  void require(bool holds, const std::string& promise);

  // within() expects `span` to be at most `bound` and keeps it for the table of measured times.
  void within(const std::string& what, Duration span, Duration bound);
  void within(const std::string& what, Duration span) { within(what, span, bound_); }
  // measure() only keeps it.
  void measure(const std::string& what, Duration span) {
    outcome_.measures.push_back({what, span});
  }

  // A telling that carries streams lets TCP run through every deployment, beside the echo.
  void carry_streams() { carries_streams_ = true; }
  bool carries_streams() const { return carries_streams_; }
  bool is_traced() const { return is_traced_; }
  // A tap listens to the node of one party.
  void set_tap(NodeTap& tap, std::string party) {
    tap_ = &tap;
    tapped_ = std::move(party);
  }
  NodeTap* tap(std::string_view party) const { return party == tapped_ ? tap_ : nullptr; }
  // absorb() makes what was told elsewhere part of this: its failures, its trace, and of its
  // measures those that begin with `measures`.
  void absorb(Outcome told, std::string_view measures);

  // A world's first and last words. Between them every line of its trace is printed, if asked for.
  void begin(sim::World& world);
  void end(sim::World& world);

  void fail(const std::string& what) { outcome_.failures.push_back(what); }
  Outcome take_outcome();

 private:
  size_t variant_;
  Duration bound_;
  bool is_traced_;
  bool carries_streams_ = false;
  NodeTap* tap_ = nullptr;
  std::string tapped_;
  sim::Digest digest_;
  Outcome outcome_;
};

}  // namespace connlib::scenarios
