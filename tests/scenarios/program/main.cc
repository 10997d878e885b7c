// connlib-sim: tells the scenarios' stories, and lets chance tell some.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <absl/strings/numbers.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/scenarios/program/recording_tap.h"
#include "tests/scenarios/program/system_runs.h"
#include "tests/scenarios/program/worker_pool.h"
#include "tests/scenarios/random_world.h"
#include "tests/scenarios/story.h"

namespace connlib::scenarios {
namespace {

using Json = nlohmann::json;

constexpr const char* kDescription =
    "Runs peers, relays, NATs and a portal in virtual time, and says what came of it.";
constexpr const char* kFooter = R"(A seed decides everything: the same command gives the same run.

EXAMPLES
  connlib-sim --list
  connlib-sim --scenario S30 --seed 7 --trace
  connlib-sim --scenario S22 --seeds 1..200
  connlib-sim --random --seeds 1..2000
  connlib-sim --scenario S30 --variant 0 --record s30.rec && connlib-replay s30.rec
  connlib-sim --system --seeds 1..500

EXIT STATUS
  0 all passed   1 some failed   2 usage, or the machine refused)";

struct SeedRange {
  uint64_t first = 1;
  uint64_t last = 1;
};

struct Arguments {
  bool lists = false;
  std::vector<std::string> scenarios;
  bool is_random = false;
  bool is_system = false;
  SystemRuns system;
  std::optional<size_t> variant;
  SeedRange seeds;
  bool is_traced = false;
  bool is_json = false;
  std::string record;  // A file; empty: nothing is recorded.
  std::string recorded = "client";
  size_t workers = std::max(1U, std::thread::hardware_concurrency());
};

// One run: a story, one of its variants and a seed.
struct Job {
  const Story* story;
  size_t variant;
  uint64_t seed;
};

std::optional<SeedRange> parse_range(const std::string& text) {
  const size_t dots = text.find("..");
  SeedRange range;
  if (!absl::SimpleAtoi(text.substr(0, dots), &range.first)) return std::nullopt;
  range.last = range.first;
  if (dots != std::string::npos && !absl::SimpleAtoi(text.substr(dots + 2), &range.last)) {
    return std::nullopt;
  }
  if (range.last < range.first) return std::nullopt;
  return range;
}

std::vector<const Story*> chosen_stories(const Arguments& arguments) {
  std::vector<const Story*> chosen;
  if (arguments.is_random) chosen.push_back(&random_story());
  for (const std::string& id : arguments.scenarios) chosen.push_back(find_story(id));
  return chosen;
}

std::vector<Job> jobs_of(const Arguments& arguments) {
  std::vector<Job> jobs;
  for (const Story* story : chosen_stories(arguments)) {
    for (size_t variant = 0; variant < story->variants.size(); ++variant) {
      if (arguments.variant && *arguments.variant != variant) continue;
      for (uint64_t seed = arguments.seeds.first; seed <= arguments.seeds.last; ++seed) {
        jobs.push_back({story, variant, seed});
      }
    }
  }
  return jobs;
}

std::string replay_command(const Job& job) {
  if (job.story == &random_story()) return fmt::format("connlib-sim --random --seed {}", job.seed);
  return fmt::format("connlib-sim --scenario {} --variant {} --seed {}", job.story->id, job.variant,
                     job.seed);
}

Json to_json(const Job& job, const Outcome& outcome) {
  Json measures = Json::array();
  for (const Measure& each : outcome.measures) {
    measures.push_back({{"what", each.what},
                        {"seconds", std::chrono::duration<double>(each.span).count()},
                        {"bound", std::chrono::duration<double>(each.bound).count()}});
  }
  return {{"scenario", job.story->id},
          {"variant", job.story->variants.at(job.variant)},
          {"seed", job.seed},
          {"passed", outcome.has_passed()},
          {"trace", fmt::format("{:016x}", outcome.trace_hash)},
          {"measures", std::move(measures)},
          {"failures", outcome.failures},
          {"report", outcome.report},
          {"replay", replay_command(job)}};
}

// Tally collects results as they come in.
class Tally {
 public:
  explicit Tally(bool is_json) : is_json_(is_json) {}

  void add(const Job& job, const std::optional<std::string>& line) {
    Json result = line ? Json::parse(*line) : to_json(job, died());
    ++(result.at("passed").get<bool>() ? passed_ : failed_);
    if (is_json_) return fmt::print("{}\n", result.dump());
    for (const Json& each : result.at("measures")) note(job, each);
    if (!result.at("passed").get<bool>()) print_failure(result);
  }

  // Gives the exit status.
  int close() {
    if (!is_json_) print_measures();
    fmt::print("{} passed, {} failed\n", passed_, failed_);
    return failed_ == 0 ? 0 : 1;
  }

 private:
  using Key = std::pair<std::string, std::string>;  // Story with variant, and what was measured.

  static Outcome died() {
    Outcome outcome;
    outcome.failures.emplace_back("the process aborted; see above for where");
    return outcome;
  }

  void note(const Job& job, const Json& measure) {
    const Key key{job.story->id + " " + job.story->variants.at(job.variant),
                  measure.at("what").get<std::string>()};
    const auto at = std::find(keys_.begin(), keys_.end(), key);
    const auto index = static_cast<size_t>(at - keys_.begin());
    if (at == keys_.end()) {
      keys_.push_back(key);
      spans_.emplace_back();
      bounds_.push_back(measure.at("bound").get<double>());
    }
    spans_[index].push_back(measure.at("seconds").get<double>());
  }

  static void print_failure(const Json& result) {
    fmt::print("FAILED {} ({}), seed {}\n", result.at("scenario").get<std::string>(),
               result.at("variant").get<std::string>(), result.at("seed").get<uint64_t>());
    for (const Json& each : result.at("failures")) {
      fmt::print("  {}\n", each.get<std::string>());
    }
    fmt::print("{}  replay: {}\n", result.at("report").get<std::string>(),
               result.at("replay").get<std::string>());
  }

  // Worst and median of each thing that was measured, in seconds.
  void print_measures() {
    for (size_t i = 0; i < keys_.size(); ++i) {
      std::sort(spans_[i].begin(), spans_[i].end());
      const std::string bound = bounds_[i] > 0 ? fmt::format(", bound {:.2f}", bounds_[i]) : "";
      fmt::print("{}: {}: worst {:.2f} s, median {:.2f}{}\n", keys_[i].first, keys_[i].second,
                 spans_[i].back(), spans_[i][spans_[i].size() / 2], bound);
    }
  }

  bool is_json_;
  uint64_t passed_ = 0;
  uint64_t failed_ = 0;
  std::vector<Key> keys_;  // In the order of their first appearance.
  std::vector<std::vector<double>> spans_;
  std::vector<double> bounds_;
};

void list_stories() {
  for (const Story& story : stories()) {
    fmt::print("{} {}\n    {}; within {}\n", story.id, story.title, story.expected,
               to_text(story.bound));
    if (story.variants.size() == 1) continue;
    for (size_t i = 0; i < story.variants.size(); ++i) {
      fmt::print("    {:2} {}\n", i, story.variants[i]);
    }
  }
}

// Told once, in this process: a recording has one world, and the first node of that name in it.
int record(const Arguments& arguments, const Job& job) {
  RecordingTap tap(arguments.record);
  Tally tally(arguments.is_json);
  tally.add(job, to_json(job, tell(*job.story, {.seed = job.seed,
                                                .variant = job.variant,
                                                .is_traced = arguments.is_traced,
                                                .tap = &tap,
                                                .tapped = arguments.recorded}))
                     .dump());
  const int status = tally.close();
  if (tap.status().ok()) return status;
  fmt::print(stderr, "connlib-sim: {}: {}\n", arguments.record,
             std::string(tap.status().message()));
  return 2;
}

int run(const Arguments& arguments) {
  if (arguments.lists) {
    list_stories();
    return 0;
  }
  const std::vector<Job> jobs = jobs_of(arguments);
  if (jobs.empty()) {
    fmt::print(stderr, "connlib-sim: nothing to do; see --help\n");
    return 2;
  }
  if (!arguments.record.empty()) {
    if (jobs.size() == 1) return record(arguments, jobs.front());
    fmt::print(stderr, "connlib-sim: --record wants one scenario, variant and seed\n");
    return 2;
  }
  Tally tally(arguments.is_json);
  const auto tell_job = [&](size_t i) {
    const Job& job = jobs[i];
    return to_json(job, tell_twice(*job.story, {.seed = job.seed,
                                                .variant = job.variant,
                                                .is_traced = arguments.is_traced}))
        .dump();
  };
  const auto add = [&](size_t i, const std::optional<std::string>& line) {
    tally.add(jobs[i], line);
  };
  if (arguments.is_traced) {
    for (size_t i = 0; i < jobs.size(); ++i) add(i, tell_job(i));
  } else {
    run_in_workers(jobs.size(), arguments.workers, tell_job, add);
  }
  return tally.close();
}

int parse_and_run(int argc, char** argv) {
  CLI::App app(kDescription, "connlib-sim");
  app.footer(kFooter);
  Arguments arguments;
  std::string seeds = "1";
  uint64_t fresh = 0;
  app.add_flag("--list", arguments.lists, "List the scenarios, their bounds and variants");
  app.add_option("--scenario", arguments.scenarios, "Tell these, by id, or `all`")
      ->check([](const std::string& id) {
        const bool is_known = id == "all" || find_story(id) != nullptr;
        return is_known ? std::string() : "no scenario is called " + id;
      });
  app.add_flag("--random", arguments.is_random, "Random worlds with random events");
  auto* system = app.add_flag("--system", arguments.is_system,
                              "Whole systems against the reference model (tests/model)");
  app.add_option("--only", arguments.system.only, "Only these transitions of a system: 3,5,9")
      ->needs(system);
  app.add_option("--mutation", arguments.system.mutation, "Break the system in a known way")
      ->needs(system)
      ->check(CLI::IsMember({"filters", "names", "revoked"}));
  app.add_option("--variant", arguments.variant, "Only this variant of a scenario, by number");
  auto* seed = app.add_option("--seed,--seeds", seeds, "N, or A..B for all from A to B")
                   ->check([](const std::string& text) {
                     return parse_range(text) ? std::string() : "not N or A..B: " + text;
                   });
  app.add_option("--fresh", fresh, "So many seeds that nobody has seen; the range is printed")
      ->excludes(seed);
  app.add_flag("--trace", arguments.is_traced, "Print every line of the trace, on one core");
  app.add_option("--record", arguments.record,
                 "Write down what goes into one node, and what comes out, for connlib-replay");
  app.add_option("--node", arguments.recorded, "Whose node is recorded: client or gateway")
      ->check(CLI::IsMember({"client", "gateway"}))
      ->needs("--record");
  app.add_flag("--json", arguments.is_json, "One JSON object per run");
  app.add_option("--workers", arguments.workers, "How many processes")->check(CLI::Range(1, 256));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  arguments.seeds = *parse_range(seeds);
  if (fresh > 0) {
    const uint64_t first = std::random_device()() + uint64_t{1'000'000};
    arguments.seeds = {first, first + fresh - 1};
    fmt::print("fresh seeds: {}..{}\n", first, first + fresh - 1);
  }
  if (arguments.is_system) {
    arguments.system.first_seed = arguments.seeds.first;
    arguments.system.last_seed = arguments.seeds.last;
    arguments.system.is_traced = arguments.is_traced;
    arguments.system.workers = arguments.workers;
    return run_systems(arguments.system);
  }
  if (arguments.scenarios == std::vector<std::string>{"all"}) {
    arguments.scenarios.clear();
    for (const Story& story : stories()) arguments.scenarios.push_back(story.id);
  }
  return run(arguments);
}

}  // namespace
}  // namespace connlib::scenarios

int main(int argc, char** argv) {
  try {
    return connlib::scenarios::parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "connlib-sim: %s\n", error.what());
    return 2;
  }
}
