#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "connlib/base/ip.h"

namespace connlib::client {

// UniquePacketBuffer keeps the IP packets of applications while nobody can take them yet (spec
// tunnel 2.5). Retransmissions do not fill it: a packet that is here byte for byte is not kept
// twice, and a TCP SYN takes the place of the one it repeats. When full the oldest is lost.
class UniquePacketBuffer {
 public:
  using Packet = std::vector<uint8_t>;
  enum class Outcome : uint8_t {
    kKept,
    kDuplicate,   // It was here already.
    kReplaced,    // A SYN took the place of an earlier copy.
    kLostOldest,  // Kept; the oldest gave way.
  };

  explicit UniquePacketBuffer(size_t capacity);

  // `packet` is a whole IP packet; anything else is compared as bytes.
  Outcome push(std::span<const uint8_t> packet);

  // take() empties the buffer, oldest first.
  std::vector<Packet> take();

  size_t size() const { return kept_.size(); }
  bool empty() const { return kept_.empty(); }

 private:
  // What the retransmissions of one SYN share. The rest (time stamps, IPv4 id) changes each time.
  struct Syn {
    SocketAddress source;
    SocketAddress destination;
    uint32_t sequence = 0;
    friend bool operator==(const Syn&, const Syn&) = default;
  };
  struct Kept {
    Packet bytes;
    std::optional<Syn> syn{};
  };
  static std::optional<Syn> syn_of(std::span<uint8_t> packet);

  size_t capacity_;
  size_t oldest_ = 0;  // Where a full buffer overwrites next.
  std::vector<Kept> kept_;
};

}  // namespace connlib::client
