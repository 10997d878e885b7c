#pragma once

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "connlib/base/random_source.h"
#include "shells/recording/recording.pb.h"
#include "snownet/node/node_observer.h"
#include "snownet/node/node_options.h"

namespace connlib::recording {

inline constexpr uint64_t kMaxRecordingBytes = uint64_t{1} << 30;  // Then it ends, and says so.

struct RecorderOptions {
  bool with_payloads = false;  // Packets from inside whole, not their lengths alone.
  uint64_t max_bytes = kMaxRecordingBytes;
};

// Recorder writes down all that goes into a node and what came out of it, so that Replay can repeat
// the run. Give it to the node as its observer, and the node its random().
//
// The result holds the node's secrets. A failed write ends the recording, never the node.
class Recorder final : public snownet::node::NodeObserver {
 public:
  // create() makes `path`, for its owner alone to read; AlreadyExists when it is there.
  static absl::StatusOr<std::unique_ptr<Recorder>> create(const std::string& path,
                                                          RandomSource& random,
                                                          const RecorderOptions& options);
  // `out` and `random` must outlive the recorder.
  Recorder(std::ostream& out, RandomSource& random, const RecorderOptions& options);
  ~Recorder() override;

  // start() comes first, with what the node's constructor is about to get.
  void start(const snownet::node::NodeOptions& options, absl::Time date, Timestamp now);
  RandomSource& random() { return random_; }

  void observe_input(Timestamp now, const snownet::node::NodeInput& input) override;
  void observe_transmit(const snownet::node::Transmit& transmit) override;
  void observe_event(const snownet::node::NodeEvent& event) override;

  // Why no more is written; OK while it is.
  const absl::Status& status() const { return status_; }
  uint64_t bytes_written() const { return bytes_written_; }

 private:
  class Draws final : public RandomSource {
   public:
    Draws(RandomSource& source, Recorder& recorder) : source_(source), recorder_(recorder) {}
    void fill(std::span<uint8_t> out) override;

   private:
    RandomSource& source_;
    Recorder& recorder_;
  };

  void write(Entry& entry);

  std::unique_ptr<std::ostream> file_;  // Where it is ours.
  std::ostream& out_;
  Draws random_;
  RecorderOptions options_;
  Timestamp last_now_;
  absl::Status status_;
  uint64_t bytes_written_ = 0;
};

}  // namespace connlib::recording
