#pragma once

#include <cstdint>
#include <istream>
#include <memory>
#include <optional>
#include <string>

#include <absl/functional/any_invocable.h>
#include <absl/status/status.h>

#include "shells/recording/reader.h"
#include "shells/recording/replay_random.h"
#include "snownet/node/node.h"

namespace connlib::recording {

// ReplayLine is one thing that happened, for people and for scripts.
struct ReplayLine {
  enum class Kind : uint8_t { kInput, kTransmit, kEvent, kTrace };
  Duration at{};  // Since the recording began.
  Kind kind{};
  std::string text;
};
std::string_view name(ReplayLine::Kind kind);

struct ReplayCounts {
  uint64_t inputs = 0;
  uint64_t transmits = 0;
  uint64_t events = 0;
};

// Replay repeats a recorded run: a node of its own gets the same inputs and the same randomness,
// and must give the same transmits and events.
class Replay {
 public:
  using Sink = absl::AnyInvocable<void(const ReplayLine&)>;
  Replay(std::istream& in, Sink sink, TraceLevel level = TraceLevel::kDebug);
  ~Replay();

  // run() is OK when the whole run was repeated; Aborted when it came out otherwise than recorded,
  // InvalidArgument when the file is no recording.
  absl::Status run();

  const ReplayCounts& counts() const { return counts_; }
  bool was_cut_short() const { return reader_.was_cut_short(); }

 private:
  class LineTracer final : public Tracer {
   public:
    LineTracer(Replay& replay, TraceLevel level) : replay_(replay), level_(level) {}
    bool enabled(TraceLevel level) const override { return level >= level_; }
    void record(TraceLevel level, std::string_view module, std::string_view message,
                std::initializer_list<TraceField> fields) override;

   private:
    Replay& replay_;
    TraceLevel level_;
  };

  absl::StatusOr<std::optional<Entry>> next_group();
  absl::Status start(const Entry& entry);
  absl::Status apply(const Entry& entry);
  absl::Status apply_upsert(const Upsert& upsert);
  absl::Status apply_relays(const Relays& relays);
  absl::Status apply_datagrams(const Datagrams& datagrams);
  absl::Status apply_seal(const Packet& packet);
  void apply_candidate(const Candidate& candidate);
  void apply_end(const End& end);
  void apply_open_run(uint64_t peer);
  absl::Status compare_transmit(uint64_t recorded);
  absl::Status compare_event(uint64_t recorded);
  absl::Status malformed(std::string_view what) const;
  absl::Status diverged(std::string_view what) const;
  void say(ReplayLine::Kind kind, std::string text);

  Reader reader_;
  Sink sink_;
  LineTracer tracer_;
  ReplayRandom random_;
  std::optional<Entry> ahead_;  // Read while looking for draws.
  std::unique_ptr<snownet::node::Node> node_;
  std::optional<snownet::node::OutboundRoute> route_;  // Of the latest open_run().
  uint64_t entry_number_ = 0;
  Timestamp began_;
  Timestamp now_;
  ReplayCounts counts_;
};

}  // namespace connlib::recording
