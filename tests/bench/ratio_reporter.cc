#include "tests/bench/ratio_reporter.h"

#include <cstdio>

namespace connlib::bench {

void RatioReporter::ReportRuns(const std::vector<Run>& runs) {
  ConsoleReporter::ReportRuns(runs);
  for (const Run& run : runs) {
    if (run.run_type == Run::RT_Aggregate && run.aggregate_name == "median") {
      medians_[run.run_name.str()] = run.GetAdjustedCPUTime();
    }
  }
}

void RatioReporter::print(const std::string& what, const std::string& ours,
                          const std::string& theirs) const {
  const auto a = medians_.find(ours);
  const auto b = medians_.find(theirs);
  if (a == medians_.end() || b == medians_.end()) return;
  std::printf("%-32s %8.0f ns / %8.0f ns = %.3f\n", what.c_str(), a->second, b->second,
              a->second / b->second);
}

}  // namespace connlib::bench
