#include "shells/recording/recorder.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <google/protobuf/util/delimited_message_util.h>
#include <unistd.h>

#include "shells/recording/digest.h"
#include "shells/recording/entry_codec.h"

namespace connlib::recording {

absl::StatusOr<std::unique_ptr<Recorder>> Recorder::create(const std::string& path,
                                                           RandomSource& random,
                                                           const RecorderOptions& options) {
  // Exclusive and private from the first moment: a stream cannot ask for either.
  const int made = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (made < 0) {
    const int error = errno;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread.
    const auto text = fmt::format("recording {}: {}", path, std::strerror(error));
    return error == EEXIST ? absl::AlreadyExistsError(text) : absl::UnavailableError(text);
  }
  ::close(made);
  auto file = std::make_unique<std::ofstream>(path, std::ios::binary | std::ios::app);
  if (!*file) return absl::UnavailableError(fmt::format("recording {}: cannot be written", path));
  auto recorder = std::make_unique<Recorder>(*file, random, options);
  recorder->file_ = std::move(file);
  return recorder;
}

Recorder::Recorder(std::ostream& out, RandomSource& random, const RecorderOptions& options)
    : out_(out), random_(random, *this), options_(options) {}

Recorder::~Recorder() { out_.flush(); }

void Recorder::start(const snownet::node::NodeOptions& options, absl::Time date, Timestamp now) {
  last_now_ = now;
  Entry entry;
  write_start(options, date, entry);
  write(entry);
}

void Recorder::observe_input(Timestamp now, const snownet::node::NodeInput& input) {
  last_now_ = now;
  Entry entry;
  write_input(input, options_.with_payloads, entry);
  write(entry);
}

void Recorder::observe_transmit(const snownet::node::Transmit& transmit) {
  Entry entry;
  entry.set_transmit(digest(transmit));
  write(entry);
}

void Recorder::observe_event(const snownet::node::NodeEvent& event) {
  Entry entry;
  entry.set_event(digest(event));
  write(entry);
}

void Recorder::Draws::fill(std::span<uint8_t> out) {
  source_.fill(out);
  Entry entry;
  entry.set_draw(out.data(), out.size());
  recorder_.write(entry);
}

void Recorder::write(Entry& entry) {
  if (!status_.ok()) return;
  entry.set_at_ns(last_now_.to_nanoseconds());
  const uint64_t bytes = entry.ByteSizeLong();
  if (bytes_written_ + bytes > options_.max_bytes) {
    status_ = absl::ResourceExhaustedError(
        fmt::format("recording: ended at its limit of {} bytes", options_.max_bytes));
    return;
  }
  if (!google::protobuf::util::SerializeDelimitedToOstream(entry, &out_)) {
    status_ = absl::UnavailableError("recording: cannot be written any more");
    return;
  }
  bytes_written_ += bytes;
}

}  // namespace connlib::recording
