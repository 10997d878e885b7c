#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "connlib/base/datagram_run.h"

namespace connlib::wg {

// SendRuns gathers outgoing datagrams into runs, one UDP_SEGMENT send each. A datagram joins the
// newest run of its address and ECN mark when it fits there, so order per address is kept
// (spec/tunnel.md §9.3). All storage is allocated by the constructor.
class SendRuns {
 public:
  explicit SendRuns(size_t runs) : runs_(runs) {}

  // reserve() is room for one datagram, or empty when every run is taken: flush and ask again.
  // Nothing is queued before commit(); a reservation that is not committed is rolled back by the
  // next reserve().
  std::span<uint8_t> reserve(const SocketAddress& remote, Ecn ecn, size_t bytes) {
    for (size_t i = used_; i-- > sent_;) {
      DatagramRun& run = runs_[i];
      if (run.ecn() != ecn || run.remote() != remote) continue;
      const std::span<uint8_t> room = run.reserve(bytes);
      if (room.empty()) break;  // An older run would overtake this one.
      reserved_ = i;
      return room;
    }
    if (used_ == runs_.size()) return {};
    reserved_ = used_;
    runs_[reserved_].start(remote, ecn);
    return runs_[reserved_].reserve(bytes);
  }

  void commit() {
    runs_[reserved_].commit();
    if (reserved_ == used_ && !runs_[reserved_].empty()) ++used_;
  }

  // ready() are the runs to send, oldest first.
  std::span<DatagramRun> ready() { return std::span(runs_).subspan(sent_, used_ - sent_); }

  // drop_front() forgets the first `count` of ready().
  void drop_front(size_t count) {
    sent_ += count;
    if (sent_ == used_) sent_ = used_ = 0;
  }

  bool empty() const { return used_ == 0; }
  bool is_full() const { return used_ == runs_.size(); }

 private:
  std::vector<DatagramRun> runs_;
  size_t sent_ = 0;
  size_t used_ = 0;
  size_t reserved_ = 0;
};

}  // namespace connlib::wg
