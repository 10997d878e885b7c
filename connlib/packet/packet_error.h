#pragma once

#include <cstdint>
#include <string_view>

namespace connlib {

// PacketError says why bytes are not a packet that we carry (spec tunnel 8.1). One counter each.
enum class PacketError : uint8_t {
  kTruncated,           // A header does not fit into the bytes.
  kTooLong,             // Longer than the inner MTU.
  kUnknownVersion,      // Neither 4 nor 6.
  kBadHeaderLength,     // IHL below 5.
  kBadLength,           // The IP header's idea of the length is not ours.
  kBadOption,           // IPv4 options that cannot be walked.
  kFragmented,          // A fragment; atomic IPv6 fragments are whole packets.
  kSourceRouted,        // The destination is not where the packet wants to end.
  kBadUdpLength,        // The UDP length field is not the length of the upper layer.
  kBadTcpDataOffset,    // Data offset below 5 or beyond the packet.
  kIcmpOfOtherVersion,  // ICMPv6 in IPv4 or the reverse.
};

constexpr std::string_view to_text(PacketError error) {
  switch (error) {
    case PacketError::kTruncated:
      return "truncated";
    case PacketError::kTooLong:
      return "too long";
    case PacketError::kUnknownVersion:
      return "unknown IP version";
    case PacketError::kBadHeaderLength:
      return "bad IPv4 header length";
    case PacketError::kBadLength:
      return "bad IP length";
    case PacketError::kBadOption:
      return "bad IPv4 option";
    case PacketError::kFragmented:
      return "fragmented";
    case PacketError::kSourceRouted:
      return "source routed";
    case PacketError::kBadUdpLength:
      return "bad UDP length";
    case PacketError::kBadTcpDataOffset:
      return "bad TCP data offset";
    case PacketError::kIcmpOfOtherVersion:
      return "ICMP of the other IP version";
  }
  return "unknown";
}

}  // namespace connlib
