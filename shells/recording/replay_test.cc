#include "shells/recording/replay.h"

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <google/protobuf/util/delimited_message_util.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shells/recording/recorder.h"
#include "snownet/node/lab.h"

namespace connlib::recording {
namespace {

namespace node = snownet::node;
using node::testing::ipv6_packet;
using node::testing::Lab;

const absl::Time kDate = absl::FromUnixSeconds(1'780'000'123);

// A run in which much happens: two ends meet, talk, lose their path, roam, part.
std::string recorded_run(const RecorderOptions& options, const node::NodeOptions& base = {}) {
  std::ostringstream out;
  Lab lab;
  SeededRandom random(99);
  Recorder recorder(out, random, options);
  node::NodeOptions node_options = base;
  node_options.observer = &recorder;
  recorder.start(node_options, kDate, lab.now);
  lab.a.node =
      std::make_unique<node::Node>(node_options, kDate, recorder.random(), null_tracer(), lab.now);
  lab.introduce();
  REQUIRE(lab.run_until([&] { return lab.is_established(); }, 3s));
  for (uint8_t i = 0; i < 20; ++i) {
    lab.send(lab.a, ipv6_packet(100U + i, i));
    lab.send(lab.b, ipv6_packet(1280, i));
    lab.run_for(50ms);
  }
  lab.loses = [&](const auto& datagram) { return lab.is_between_ends(datagram); };
  lab.run_for(25s);
  lab.a.node->reset(lab.now, node::ResetKind::kAlways);
  lab.settle();
  lab.run_for(3s);
  CHECK(lab.a.packets.size() == 20);
  CHECK(recorder.status().ok());
  lab.a.node.reset();  // Before its observer.
  return out.str();
}

struct Outcome {
  absl::Status status;
  ReplayCounts counts;
  std::vector<ReplayLine> lines;
  bool was_cut_short = false;
};

Outcome replay(const std::string& recording) {
  std::istringstream in(recording);
  Outcome outcome;
  Replay run(in, [&](const ReplayLine& line) { outcome.lines.push_back(line); });
  outcome.status = run.run();
  outcome.counts = run.counts();
  outcome.was_cut_short = run.was_cut_short();
  return outcome;
}

bool mentions(const Outcome& outcome, ReplayLine::Kind kind, const std::string& text) {
  for (const ReplayLine& line : outcome.lines) {
    if (line.kind == kind && line.text.find(text) != std::string::npos) return true;
  }
  return false;
}

TEST_CASE("a recorded run is repeated to the byte, with payloads and without") {
  const bool with_payloads = GENERATE(true, false);
  CAPTURE(with_payloads);
  const std::string recording = recorded_run({.with_payloads = with_payloads});
  const Outcome outcome = replay(recording);
  INFO(outcome.status.ToString());
  CHECK(outcome.status.ok());
  CHECK(outcome.counts.inputs > 100);
  CHECK(outcome.counts.transmits > 50);
  CHECK(outcome.counts.events > 3);
  CHECK(mentions(outcome, ReplayLine::Kind::kInput, "upsert peer 42"));
  CHECK(mentions(outcome, ReplayLine::Kind::kTransmit, "handshake initiation"));
  CHECK(mentions(outcome, ReplayLine::Kind::kTransmit, "Allocate request"));
  CHECK(mentions(outcome, ReplayLine::Kind::kEvent, "established peer 42"));
  CHECK(mentions(outcome, ReplayLine::Kind::kEvent, "key changed"));
  CHECK(mentions(outcome, ReplayLine::Kind::kTrace, "connection created"));
}

TEST_CASE("payloads stay out of a recording unless asked for") {
  const std::string with = recorded_run({.with_payloads = true});
  const std::string without = recorded_run({});
  const auto packet = ipv6_packet(119, 19);  // The last one that was sent.
  const std::string needle(packet.begin(), packet.end());
  CHECK(with.find(needle) != std::string::npos);
  CHECK(without.find(needle) == std::string::npos);
}

TEST_CASE("a run under other options is repeated under them") {
  const node::NodeOptions options{.late_candidates = node::LateCandidates::kAcceptAll};
  const Outcome outcome = replay(recorded_run({}, options));
  INFO(outcome.status.ToString());
  CHECK(outcome.status.ok());
}

TEST_CASE("a recording whose program died is repeated up to its end") {
  const std::string whole = recorded_run({});
  const Outcome outcome = replay(whole.substr(0, whole.size() / 2));
  INFO(outcome.status.ToString());
  CHECK(outcome.status.ok());
  CHECK(outcome.was_cut_short);
  CHECK(outcome.counts.inputs > 10);
}

std::vector<Entry> entries_of(const std::string& recording) {
  std::istringstream in(recording);
  Reader reader(in);
  std::vector<Entry> entries;
  for (auto entry = reader.next(); entry.ok() && *entry; entry = reader.next()) {
    entries.push_back(**entry);
  }
  return entries;
}

std::string file_of(const std::vector<Entry>& entries) {
  std::ostringstream out;
  for (const Entry& entry : entries) {
    google::protobuf::util::SerializeDelimitedToOstream(entry, &out);
  }
  return out.str();
}

TEST_CASE("a run that comes out otherwise is said to diverge, and where") {
  auto entries = entries_of(recorded_run({}));
  REQUIRE(replay(file_of(entries)).status.ok());
  const auto kind = GENERATE(Entry::kDraw, Entry::kUpsert, Entry::kRelays, Entry::kDatagrams,
                             Entry::kTransmit, Entry::kEvent);
  CAPTURE(static_cast<int>(kind));
  const auto first = std::find_if(entries.begin(), entries.end(),
                                  [&](const Entry& entry) { return entry.what_case() == kind; });
  REQUIRE(first != entries.end());
  const bool is_missing = GENERATE(true, false);
  CAPTURE(is_missing);
  if (is_missing) {
    entries.erase(first);
  } else {
    if (kind == Entry::kDraw) (*first->mutable_draw())[1] ^= 1;  // Not a bit that X25519 clamps.
    if (kind == Entry::kUpsert) first->mutable_upsert()->set_is_controlling(false);
    if (kind == Entry::kRelays) first->mutable_relays()->mutable_listed(0)->set_username("mallory");
    if (kind == Entry::kDatagrams) (*first->mutable_datagrams()->mutable_content())[1] ^= 1;
    if (kind == Entry::kTransmit) first->set_transmit(first->transmit() ^ 1U);
    if (kind == Entry::kEvent) first->set_event(first->event() ^ 1U);
  }
  const Outcome outcome = replay(file_of(entries));
  INFO(outcome.status.ToString());
  CHECK(absl::IsAborted(outcome.status));
  CHECK(std::string(outcome.status.message()).find("after the start") != std::string::npos);
}

TEST_CASE("a recording that was tampered with never crashes its reader") {
  const std::string whole = recorded_run({});
  SeededRandom random(5);
  for (size_t i = 0; i < 40; ++i) {
    std::string changed = whole.substr(0, 20'000);
    const size_t at = random.below(changed.size());
    changed[at] = static_cast<char>(changed[at] ^ static_cast<char>(1U << random.below(8)));
    const Outcome outcome = replay(changed);
    CHECK((outcome.status.ok() || absl::IsAborted(outcome.status) ||
           absl::IsInvalidArgument(outcome.status)));
  }
}

TEST_CASE("what is no recording is refused with a reason") {
  struct Row {
    const char* what;
    std::string file;
    const char* reason;
  };
  Entry wrong_version;
  wrong_version.mutable_start()->set_version(7);
  Entry no_start;
  no_start.mutable_timeout();
  const auto as_file = [](const Entry& entry) {
    const std::string body = entry.SerializeAsString();
    return std::string(1, static_cast<char>(body.size())) + body;
  };
  const auto row = GENERATE_COPY(values<Row>({
      {"empty", "", "no beginning"},
      {"text", "#!/bin/sh\necho hello, this is a script and no recording\n", "not one of ours"},
      {"another version", as_file(wrong_version), "of version 7; this program reads 1"},
      {"no start", as_file(no_start), "begins with something else"},
      {"an endless entry", std::string("\xff\xff\xff\x7f", 4), "bytes long, more than"},
  }));
  CAPTURE(row.what);
  const Outcome outcome = replay(row.file);
  INFO(outcome.status.ToString());
  CHECK(absl::IsInvalidArgument(outcome.status));
  CHECK(std::string(outcome.status.message()).find(row.reason) != std::string::npos);
}

TEST_CASE("a recording ends at its limit, and says so") {
  std::ostringstream out;
  SeededRandom random(1);
  Recorder recorder(out, random, {.max_bytes = 500});
  recorder.start({}, kDate, node::testing::kStart);
  for (int i = 0; i < 1000; ++i) {
    recorder.observe_input(node::testing::kStart, node::TimeoutInput{});
  }
  CHECK(absl::IsResourceExhausted(recorder.status()));
  CHECK(recorder.bytes_written() <= 500);
}

TEST_CASE("a recording is its owner's alone, and never overwrites a file") {
  SeededRandom random(1);
  const std::string path = std::string("/tmp/connlib-recording-") + std::to_string(::getpid());
  {
    auto recorder = Recorder::create(path, random, {});
    REQUIRE(recorder.ok());
    (*recorder)->start({}, kDate, node::testing::kStart);
  }
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600U);
  CHECK(status.st_size > 0);
  CHECK(absl::IsAlreadyExists(Recorder::create(path, random, {}).status()));
  ::unlink(path.c_str());
  CHECK_FALSE(Recorder::create("/nowhere/at/all", random, {}).ok());
}

}  // namespace
}  // namespace connlib::recording
