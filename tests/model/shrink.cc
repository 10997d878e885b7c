#include "tests/model/shrink.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace connlib::model_test {

RunResult shrink(const RunOptions& options, const RunResult& failed) {
  RunResult best = failed;
  for (size_t chunk = std::max<size_t>(best.happened.size() / 2, 1); chunk > 0; chunk /= 2) {
    const std::vector<size_t> all(best.happened.begin(), best.happened.end());
    for (size_t at = 0; at < all.size(); at += chunk) {
      std::set<size_t> fewer = best.happened;
      for (size_t i = at; i < std::min(at + chunk, all.size()); ++i) fewer.erase(all[i]);
      if (fewer.empty() || fewer.size() == best.happened.size()) continue;
      RunOptions attempt = options;
      attempt.only = std::move(fewer);
      attempt.is_traced = false;
      RunResult result = run_model(attempt);
      if (!result.has_passed()) best = std::move(result);
    }
  }
  return best;
}

std::string describe(const RunResult& result) {
  std::string out = fmt::format("seed {}:\n", result.seed);
  for (const std::string& line : result.story) out += "  " + line + "\n";
  for (const std::string& failure : result.failures) out += "  FAILED: " + failure + "\n";
  out += fmt::format("  replay: connlib-sim --system --seeds {0}..{0} --only {1} --trace\n",
                     result.seed, fmt::join(result.happened, ","));
  return out;
}

}  // namespace connlib::model_test
