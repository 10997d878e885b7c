#include "tests/scenarios/telling.h"

#include <cstdio>
#include <utility>

#include <fmt/format.h>

namespace connlib::scenarios {

bool Telling::expect(bool holds, const std::string& promise) {
  if (!holds) fail(promise);
  return holds;
}

void Telling::require(bool holds, const std::string& promise) {
  if (!expect(holds, promise)) throw StoryEnded();
}

void Telling::within(const std::string& what, Duration span, Duration bound) {
  outcome_.measures.push_back({what, span, bound});
  if (span <= bound) return;
  const bool has_happened = span != Duration::max();
  fail(fmt::format("{}: {} instead of {} at most", what, has_happened ? to_text(span) : "never",
                   to_text(bound)));
}

void Telling::begin(sim::World& world) {
  if (!is_traced_) return;
  world.trace().set_sink([](std::string_view line) { fmt::print("{}\n", line); });
}

void Telling::end(sim::World& world) {
  digest_.add(fmt::format("{:016x}", world.trace().hash()));
  if (!outcome_.failures.empty()) outcome_.report += world.report();
}

void Telling::absorb(Outcome told, std::string_view measures) {
  digest_.add(fmt::format("{:016x}", told.trace_hash));
  for (std::string& failure : told.failures) outcome_.failures.push_back(std::move(failure));
  for (Measure& each : told.measures) {
    if (std::string_view(each.what).starts_with(measures)) {
      outcome_.measures.push_back(std::move(each));
    }
  }
  outcome_.report += told.report;
}

Outcome Telling::take_outcome() {
  outcome_.trace_hash = digest_.value();
  return std::move(outcome_);
}

}  // namespace connlib::scenarios
