// connlib-replay: repeats a recorded run of a node.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "shells/recording/replay.h"

namespace connlib::recording {
namespace {

// Part of the program's interface: never renumber.
enum class ExitCode : int {
  kRepeated = 0,
  kDiverged = 1,
  kUsage = 2,
  kUnreadable = 3,  // No such file, or not a recording.
};

constexpr const char* kDescription =
    "Repeats a recorded run of a node: the same inputs and the same randomness, in virtual time.\n"
    "Prints what goes in, what is sent, every event and every decision, each with its time since\n"
    "the recording began, and says whether the run came out as it did then.";

constexpr const char* kFooter = R"(RECORDINGS
  Programs write one with --record FILE. It holds the keys of that run and, with payloads, what was
  said: treat it like a private key. One that ends in the middle of an entry, because its program
  died, is repeated up to there.

OUTPUT
  TIME  KIND  TEXT, where KIND is input, transmit, event or trace. With --json each line is an
  object with the members "ns", "kind" and "text", and the last one has "result", "inputs",
  "transmits", "events" and, where there is one, "error".

EXIT STATUS
  0 the run was repeated   1 it came out otherwise   2 usage   3 the file cannot be read, or is not
  a recording of this version

EXAMPLES
  connlib-replay session.rec
  connlib-replay --quiet session.rec && echo reproducible
  connlib-replay --json session.rec | jq 'select(.kind == "event")')";

struct Arguments {
  std::string file;
  bool json = false;
  bool quiet = false;
  bool verbose = false;
};

void print(const ReplayLine& line, bool json) {
  if (json) {
    const nlohmann::json object = {
        {"ns", line.at.count()}, {"kind", name(line.kind)}, {"text", line.text}};
    fmt::print("{}\n", object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  const double seconds = std::chrono::duration<double>(line.at).count();
  fmt::print("{:12.6f}  {:<8}  {}\n", seconds, name(line.kind), line.text);
}

void print_result(const Arguments& arguments, const Replay& replay, const absl::Status& status) {
  const ReplayCounts& counts = replay.counts();
  if (arguments.json) {
    nlohmann::json object = {{"result", status.ok() ? "repeated" : "failed"},
                             {"inputs", counts.inputs},
                             {"transmits", counts.transmits},
                             {"events", counts.events}};
    if (!status.ok()) object["error"] = std::string(status.message());
    fmt::print("{}\n", object.dump());
    return;
  }
  if (!status.ok()) {
    std::fflush(stdout);
    fmt::print(stderr, "connlib-replay: {}: {}\n", arguments.file, std::string(status.message()));
    return;
  }
  fmt::print("{} inputs, {} transmits, {} events: as recorded{}\n", counts.inputs, counts.transmits,
             counts.events, replay.was_cut_short() ? ", up to where the file was cut short" : "");
}

ExitCode run(const Arguments& arguments) {
  std::ifstream in(arguments.file, std::ios::binary);
  if (!in) {
    fmt::print(stderr, "connlib-replay: {}: cannot be opened\n", arguments.file);
    return ExitCode::kUnreadable;
  }
  const auto sink = [&](const ReplayLine& line) {
    if (!arguments.quiet) print(line, arguments.json);
  };
  Replay replay(in, sink, arguments.verbose ? TraceLevel::kTrace : TraceLevel::kDebug);
  const absl::Status status = replay.run();
  print_result(arguments, replay, status);
  if (status.ok()) return ExitCode::kRepeated;
  return absl::IsAborted(status) ? ExitCode::kDiverged : ExitCode::kUnreadable;
}

int start(int argc, char** argv) {
  Arguments arguments;
  CLI::App app(kDescription, "connlib-replay");
  app.footer(kFooter);
  app.add_option("FILE", arguments.file, "The recording")->required();
  app.add_flag("--json", arguments.json, "One JSON object per line");
  app.add_flag("-q,--quiet", arguments.quiet, "Only the closing line");
  app.add_flag("-v,--verbose", arguments.verbose, "Decisions per datagram, too");
  app.set_version_flag("--version", "connlib-replay " CONNLIB_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::kUsage);
  }
  return static_cast<int>(run(arguments));
}

}  // namespace
}  // namespace connlib::recording

int main(int argc, char** argv) {
  try {
    return connlib::recording::start(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "connlib-replay: %s\n", error.what());
    return static_cast<int>(connlib::recording::ExitCode::kUnreadable);
  }
}
