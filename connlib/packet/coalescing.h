#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "connlib/packet/offload.h"

namespace connlib {

// Coalescer merges the inner packets of one receive batch into TSO and USO packets for the TUN, so
// that the kernel's stack runs once per run instead of once per packet (spec tunnel 9.5). Payload
// is not copied: a group is a list of spans for one gathered write. Order within a flow is kept.
//
// TCP packets merge when tuple, acknowledgement, window, options, TOS, TTL and DF agree, sequence
// numbers are contiguous and flags are ACK or ACK|PSH; all payloads are equal but a shorter last.
// A packet with a wrong checksum is never merged: the kernel would not look at it again.
class Coalescer {
 public:
  static constexpr size_t kMaxGroups = 64;
  static constexpr size_t kMaxParts = 128;

  // Group is one write: with more than one part, the first carries rewritten headers.
  struct Group {
    OffloadInfo info;
    std::span<const std::span<uint8_t>> parts;
  };

  Coalescer() : groups_(std::make_unique<std::array<Open, kMaxGroups>>()) {}

  // UDP is merged only where the TUN takes USO packets.
  void set_merges_tcp(bool on) { merges_tcp_ = on; }
  void set_merges_udp(bool on) { merges_udp_ = on; }

  // add() takes one complete IP packet, borrowed until flush(). False when full: flush() first.
  [[nodiscard]] bool add(std::span<uint8_t> packet) noexcept;

  // flush() calls `write(const Group&)` for each group in order and starts empty.
  template <typename Write>
  void flush(Write&& write) {
    for (size_t i = 0; i < count_; ++i) write(finish((*groups_)[i]));
    count_ = 0;
  }

  bool empty() const { return count_ == 0; }

 private:
  struct Shape {  // What add() learnt about a packet that may be merged.
    uint8_t protocol = 0;
    size_t l4 = 0;
    size_t headers = 0;
  };
  struct Open {
    std::array<std::span<uint8_t>, kMaxParts> parts;
    size_t count = 0;
    size_t total_bytes = 0;  // Headers once, and all payloads.
    size_t payload_bytes = 0;
    uint32_t next_sequence = 0;
    Shape shape;
    bool is_closed = true;
  };

  bool read_shape(std::span<const uint8_t> packet, Shape& shape) const noexcept;
  static bool has_right_checksum(std::span<const uint8_t> packet, const Shape& shape) noexcept;
  static bool is_same_flow(const Open& group, std::span<const uint8_t> packet) noexcept;
  void close_flow_of(std::span<const uint8_t> packet) noexcept;
  static bool can_append(const Open& group, std::span<const uint8_t> packet,
                         const Shape& shape) noexcept;
  static void append(Open& group, std::span<uint8_t> packet, const Shape& shape) noexcept;
  static Group finish(Open& group) noexcept;

  std::unique_ptr<std::array<Open, kMaxGroups>> groups_;
  size_t count_ = 0;
  bool merges_tcp_ = true;
  bool merges_udp_ = false;
};

}  // namespace connlib
