#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "connlib/base/check.h"

namespace connlib {

// Room around a packet so that every layer works in place:
//
//   | 32 headroom | packet | 32 tailroom |
//
// In front: ChannelData header (4) + WireGuard data header (16). Behind: padding (≤ 15) + tag (16).
inline constexpr size_t kHeadroom = 32;
inline constexpr size_t kTailroom = 32;
static_assert(kHeadroom >= 4 + 16 && kTailroom >= 15 + 16);

// BasicPacketBuffer is fixed storage for one packet of up to `Capacity` bytes with both rooms. It
// never allocates, and its bytes are arbitrary until written. Spans borrow from it and keep the
// size that it had. resize() beyond the capacity is our own bug, and so is more room than there is.
template <size_t Capacity>
class BasicPacketBuffer {
 public:
  static constexpr size_t capacity() { return Capacity; }
  std::span<uint8_t> packet() { return std::span(storage_).subspan(kHeadroom, size_); }
  std::span<const uint8_t> packet() const { return std::span(storage_).subspan(kHeadroom, size_); }
  void resize(size_t bytes) {
    CONNLIB_CHECK(bytes <= Capacity);
    size_ = bytes;
  }
  size_t size() const { return size_; }

  // with_room() is the packet plus `front` bytes before and `back` bytes after it.
  std::span<uint8_t> with_room(size_t front, size_t back) {
    CONNLIB_CHECK(front <= kHeadroom && back <= kTailroom);
    return std::span(storage_).subspan(kHeadroom - front, front + size_ + back);
  }

 private:
  std::array<uint8_t, kHeadroom + Capacity + kTailroom> storage_;
  size_t size_ = 0;
};

// PacketBuffer holds the largest packet of an Ethernet-sized interface.
using PacketBuffer = BasicPacketBuffer<1536>;

}  // namespace connlib
