#pragma once

#include <memory>
#include <string>
#include <utility>

#include "shells/recording/recorder.h"
#include "tests/scenarios/peer/node_tap.h"

namespace connlib::scenarios {

// RecordingTap writes down the first node that it is shown, for connlib-replay. It must outlive the
// node's world.
class RecordingTap final : public NodeTap {
 public:
  explicit RecordingTap(std::string path) : path_(std::move(path)) {}

  RandomSource& begin(RandomSource& random, snownet::node::NodeOptions& options, absl::Time date,
                      Timestamp now) override {
    if (recorder_ != nullptr || !status_.ok()) return random;
    auto recorder = recording::Recorder::create(path_, random, {});
    status_ = recorder.status();
    if (!status_.ok()) return random;
    recorder_ = *std::move(recorder);
    options.observer = recorder_.get();
    recorder_->start(options, date, now);
    return recorder_->random();
  }

  // status() is why nothing, or not everything, was written down.
  absl::Status status() const {
    if (!status_.ok()) return status_;
    if (recorder_ == nullptr) return absl::NotFoundError("no such node in this world");
    return recorder_->status();
  }

 private:
  std::string path_;
  std::unique_ptr<recording::Recorder> recorder_;
  absl::Status status_;
};

}  // namespace connlib::scenarios
