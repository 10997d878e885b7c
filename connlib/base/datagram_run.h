#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "connlib/base/ecn.h"
#include "connlib/base/ip.h"

namespace connlib {

// DatagramRun is the unit of the packet path: datagrams to (or from) one address with one ECN mark,
// back to back in one buffer, all `segment_bytes` long except the last, which may be shorter. It
// maps to one UDP_SEGMENT send or one UDP_GRO receive.
//
// It is filled by reservation: reserve(n) → write → commit(). A reservation that is not committed
// is rolled back by the next reserve(). Storage is allocated once, by the constructor; a run that
// was moved from may only be destroyed or assigned to.
class DatagramRun {
 public:
  // What fits behind UDP (8 bytes) and any IP header: IPv4 with all options has 60 bytes.
  static constexpr size_t kCapacity = 65535 - 68;
  static constexpr size_t kMaxSegments = 64;  // UDP_MAX_SEGMENTS of older kernels.

  DatagramRun() : storage_(std::make_unique<std::array<uint8_t, kCapacity>>()) {}

  // start() empties the run and aims it at `remote`; without `source` the kernel chooses one.
  void start(const SocketAddress& remote, Ecn ecn,
             const std::optional<IpAddress>& source = std::nullopt) {
    remote_ = remote;
    source_ = source;
    ecn_ = ecn;
    clear();
  }
  void clear() {
    size_ = segment_bytes_ = segments_ = reserved_ = 0;
    is_closed_ = false;
  }

  // reserve() is room for one datagram of exactly `bytes`, or an empty span when it does not fit
  // this run: longer than the others, after a shorter one, too many, or out of storage.
  std::span<uint8_t> reserve(size_t bytes) {
    reserved_ = 0;
    if (bytes == 0 || is_closed_ || segments_ == kMaxSegments || bytes > kCapacity - size_)
      return {};
    if (segments_ > 0 && bytes > segment_bytes_) return {};
    reserved_ = bytes;
    return std::span(*storage_).subspan(size_, bytes);
  }

  // commit() keeps the reservation as the next datagram.
  void commit() {
    if (reserved_ == 0) return;
    if (segments_ == 0) segment_bytes_ = reserved_;
    is_closed_ = reserved_ < segment_bytes_;
    size_ += reserved_;
    ++segments_;
    reserved_ = 0;
  }

  const SocketAddress& remote() const { return remote_; }
  const std::optional<IpAddress>& source() const { return source_; }
  Ecn ecn() const { return ecn_; }
  size_t segment_bytes() const { return segment_bytes_; }
  size_t segments() const { return segments_; }
  bool empty() const { return segments_ == 0; }
  // The committed datagrams. Borrows from the run; good until the next start() or clear().
  std::span<const uint8_t> bytes() const { return std::span(*storage_).first(size_); }

 private:
  std::unique_ptr<std::array<uint8_t, kCapacity>> storage_;
  SocketAddress remote_;
  std::optional<IpAddress> source_;
  Ecn ecn_ = Ecn::kNotEct;
  size_t size_ = 0;
  size_t segment_bytes_ = 0;
  size_t segments_ = 0;
  size_t reserved_ = 0;
  bool is_closed_ = false;
};

// for_each_segment() calls `visit(span)` for each datagram of a received run: `bytes` cut every
// `segment_bytes` (0 means one datagram).
template <typename Visit>
void for_each_segment(std::span<uint8_t> bytes, size_t segment_bytes, Visit&& visit) {
  if (segment_bytes == 0) segment_bytes = bytes.size();
  while (!bytes.empty()) {
    const size_t n = segment_bytes < bytes.size() ? segment_bytes : bytes.size();
    visit(bytes.first(n));
    bytes = bytes.subspan(n);
  }
}

}  // namespace connlib
