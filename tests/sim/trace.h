#pragma once

#include <cstdint>
#include <deque>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <absl/functional/any_invocable.h>

#include "connlib/base/timestamp.h"
#include "connlib/base/trace.h"
#include "tests/sim/digest.h"
#include "tests/sim/event_queue.h"

namespace connlib::sim {

// Trace is the diary of a run: one line for every transmit, delivery, drop and note, each with its
// virtual time. The hash covers all lines since the start, so equal hashes mean equal runs; only
// the last kMaxLines are kept as text.
class Trace {
 public:
  static constexpr size_t kMaxLines = 20'000;

  explicit Trace(const EventQueue& clock) : clock_(clock), start_(clock.now()) {}

  void record(std::string_view who, std::string_view what);

  // Every line goes to `sink`, too, as it is recorded.
  void set_sink(absl::AnyInvocable<void(std::string_view)> sink) { sink_ = std::move(sink); }

  uint64_t hash() const { return digest_.value(); }
  uint64_t count() const { return count_; }
  const std::deque<std::string>& lines() const { return lines_; }

  // The last `n` lines as one text.
  std::string tail(size_t n) const;

  // The first error-level note; it fails the run.
  const std::optional<std::string>& first_error() const { return first_error_; }

 private:
  friend class NoteTracer;
  const EventQueue& clock_;
  Timestamp start_;
  Digest digest_;
  uint64_t count_ = 0;
  std::deque<std::string> lines_;
  std::optional<std::string> first_error_;
  absl::AnyInvocable<void(std::string_view)> sink_;
};

// NoteTracer writes what a machine traces (debug and above) into the diary under its name.
class NoteTracer final : public Tracer {
 public:
  NoteTracer(Trace& trace, std::string name) : trace_(trace), name_(std::move(name)) {}
  bool enabled(TraceLevel level) const override { return level >= TraceLevel::kDebug; }
  void record(TraceLevel level, std::string_view module, std::string_view message,
              std::initializer_list<TraceField> fields) override;

 private:
  Trace& trace_;
  std::string name_;
};

}  // namespace connlib::sim
