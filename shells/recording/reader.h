#pragma once

#include <cstdint>
#include <istream>
#include <optional>

#include <absl/status/statusor.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>

#include "shells/recording/recording.pb.h"

namespace connlib::recording {

inline constexpr uint32_t kMaxEntryBytes = 1 << 20;  // A datagram run and its frame fit often.

// Reader gives the entries of a recording one by one.
class Reader {
 public:
  explicit Reader(std::istream& in) : stream_(&in) {}

  // next() is nullopt at the end, and an error, InvalidArgument, for anything that is no entry. A
  // recording whose program died may end in the middle of one: that is its end, too.
  absl::StatusOr<std::optional<Entry>> next();

  uint64_t count() const { return count_; }        // Entries so far.
  bool was_cut_short() const { return was_cut_; }  // In the middle of an entry.

 private:
  google::protobuf::io::IstreamInputStream stream_;
  uint64_t count_ = 0;
  bool was_cut_ = false;
};

}  // namespace connlib::recording
