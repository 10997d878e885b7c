#pragma once

#include <cstdint>

namespace connlib {

// Gso says how a packet at the TUN is to be cut: the virtio-net types that matter to us.
enum class Gso : uint8_t { kNone, kTcp4, kTcp6, kUdp };

// OffloadInfo travels with a packet between the TUN device and us (virtio-net header, in our
// words).
struct OffloadInfo {
  Gso gso = Gso::kNone;
  uint16_t segment_bytes = 0;    // Payload bytes per segment, when gso is set.
  uint16_t header_bytes = 0;     // IP and L4 headers; a hint from the kernel, never trusted.
  bool needs_checksum = false;   // The L4 checksum field holds the pseudo-header sum only.
  uint16_t checksum_start = 0;   // Where the L4 header begins.
  uint16_t checksum_offset = 0;  // Of the field, from there.
};

}  // namespace connlib
