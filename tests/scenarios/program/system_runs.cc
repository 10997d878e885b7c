#include "tests/scenarios/program/system_runs.h"

#include <algorithm>
#include <optional>
#include <set>

#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>
#include <fmt/format.h>

#include "tests/model/shrink.h"
#include "tests/scenarios/program/worker_pool.h"

namespace connlib::scenarios {
namespace {

using model_test::RunOptions;
using tunnel::Mutation;

Mutation mutation_of(const std::string& name) {
  if (name == "filters") return Mutation::kForgetsFilters;
  if (name == "names") return Mutation::kMixesNames;
  return name == "revoked" ? Mutation::kKeepsRevoked : Mutation::kNone;
}

RunOptions options_of(const SystemRuns& runs, uint64_t seed) {
  RunOptions out{.seed = seed, .mutation = mutation_of(runs.mutation), .is_traced = runs.is_traced};
  if (runs.only.empty()) return out;
  out.only.emplace();
  for (const auto part : absl::StrSplit(runs.only, ',')) {
    size_t number = 0;
    if (absl::SimpleAtoi(part, &number)) out.only->insert(number);
  }
  return out;
}

// A pool carries one line per run.
constexpr char kLineEnd = '\x1f';

std::string exchanged(std::string text, char from, char to) {
  std::replace(text.begin(), text.end(), from, to);
  return text;
}

// Nothing when it passed.
std::string run_one(const SystemRuns& runs, uint64_t seed) {
  const RunOptions options = options_of(runs, seed);
  auto result = model_test::run_model(options);
  if (result.has_passed() && !runs.is_traced) return "";
  if (!runs.is_traced && runs.only.empty()) result = model_test::shrink(options, result);
  const std::string report = runs.only.empty() ? "" : result.report;
  return report + model_test::describe(result);
}

}  // namespace

int run_systems(const SystemRuns& runs) {
  const size_t count = runs.last_seed - runs.first_seed + 1;
  size_t failed = 0;
  const auto run = [&](size_t i) {
    return exchanged(run_one(runs, runs.first_seed + i), '\n', kLineEnd);
  };
  const auto done = [&](size_t i, const std::optional<std::string>& line) {
    if (line && line->empty()) return;
    ++failed;
    fmt::print("{}", line ? exchanged(*line, kLineEnd, '\n')
                          : fmt::format("seed {}: aborted\n", runs.first_seed + i));
  };
  if (runs.is_traced) {
    for (size_t i = 0; i < count; ++i) fmt::print("{}", run_one(runs, runs.first_seed + i));
    return 0;
  } else {
    run_in_workers(count, runs.workers, run, done);
  }
  fmt::print("{} systems passed, {} failed\n", count - failed, failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace connlib::scenarios
