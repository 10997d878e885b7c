#include "shells/recording/reader.h"

#include <string>
#include <utility>

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>

namespace connlib::recording {

// A stream of coded input each: it gives back what it has read ahead.
absl::StatusOr<std::optional<Entry>> Reader::next() {
  google::protobuf::io::CodedInputStream in(&stream_);
  const int64_t before = stream_.ByteCount();
  uint32_t bytes = 0;
  if (!in.ReadVarint32(&bytes)) {
    was_cut_ = was_cut_ || stream_.ByteCount() != before;
    return std::nullopt;
  }
  if (bytes > kMaxEntryBytes) {
    return absl::InvalidArgumentError(
        fmt::format("entry {}: {} bytes long, more than {}", count_ + 1, bytes, kMaxEntryBytes));
  }
  std::string text;
  if (!in.ReadString(&text, static_cast<int>(bytes))) {
    was_cut_ = true;
    return std::nullopt;
  }
  Entry entry;
  if (!entry.ParseFromString(text) || entry.what_case() == Entry::WHAT_NOT_SET) {
    return absl::InvalidArgumentError(fmt::format("entry {}: not one of ours", count_ + 1));
  }
  ++count_;
  return entry;
}

}  // namespace connlib::recording
