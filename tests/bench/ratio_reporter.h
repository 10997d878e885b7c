#pragma once

#include <map>
#include <string>

#include <benchmark/benchmark.h>

namespace connlib::bench {

// RatioReporter prints what ConsoleReporter prints and remembers the median real time of each
// benchmark, so that ours and the peer's of the same run can be put side by side.
class RatioReporter : public benchmark::ConsoleReporter {
 public:
  void ReportRuns(const std::vector<Run>& runs) override;  // NOLINT(readability-identifier-naming)

  // print() writes "what: ours / theirs = ratio" for the medians of two benchmarks.
  void print(const std::string& what, const std::string& ours, const std::string& theirs) const;

 private:
  std::map<std::string, double> medians_;
};

}  // namespace connlib::bench
