#include "connlib/packet/upper_layer.h"

#include "connlib/base/bytes.h"
#include "connlib/packet/ip_header.h"

namespace connlib {
namespace {

using Found = std::variant<UpperLayer, PacketError>;

// RFC 791 §3.1: options.
constexpr uint8_t kEndOfOptions = 0;
constexpr uint8_t kNoOperation = 1;
constexpr uint8_t kLooseSourceRoute = 131;
constexpr uint8_t kStrictSourceRoute = 137;

// RFC 8200 §4, RFC 4302 §2: extension headers.
constexpr uint8_t kHopByHop = 0;
constexpr uint8_t kRouting = 43;
constexpr uint8_t kFragment = 44;
constexpr uint8_t kAuthentication = 51;
constexpr uint8_t kDestinationOptions = 60;
constexpr size_t kExtensionUnit = 8;

enum class Options : uint8_t { kHarmless, kSourceRoute, kMalformed };

Options read_options(std::span<const uint8_t> options) noexcept {
  bool is_routed = false;
  while (!options.empty() && options[0] != kEndOfOptions) {
    if (options[0] == kNoOperation) {
      options = options.subspan(1);
      continue;
    }
    if (options.size() < 2 || options[1] < 2 || options[1] > options.size()) {
      return Options::kMalformed;
    }
    is_routed = is_routed || options[0] == kLooseSourceRoute || options[0] == kStrictSourceRoute;
    options = options.subspan(options[1]);
  }
  return is_routed ? Options::kSourceRoute : Options::kHarmless;
}

Found find_in_v4(std::span<const uint8_t> packet) noexcept {
  if (packet.size() < kIpv4MinHeaderBytes) return PacketError::kTruncated;
  const size_t header_bytes = size_t{4} * (packet[0] & 15u);
  if (header_bytes < kIpv4MinHeaderBytes) return PacketError::kBadHeaderLength;
  if (header_bytes > packet.size()) return PacketError::kTruncated;
  const auto options =
      read_options(packet.subspan(kIpv4MinHeaderBytes, header_bytes - kIpv4MinHeaderBytes));
  if (options == Options::kMalformed) return PacketError::kBadOption;
  const uint16_t fragment = load_be16(&packet[6]);
  return UpperLayer{.protocol = packet[9],
                    .offset = header_bytes,
                    .fragment_offset = static_cast<uint16_t>(fragment & 0x1fff),
                    .has_more_fragments = (fragment & 0x2000) != 0,
                    .is_source_routed = options == Options::kSourceRoute};
}

Found find_in_v6(std::span<const uint8_t> packet) noexcept {
  if (packet.size() < kIpv6HeaderBytes) return PacketError::kTruncated;
  UpperLayer out{.protocol = packet[6], .offset = kIpv6HeaderBytes};
  for (;;) {
    const uint8_t type = out.protocol;
    if (type != kHopByHop && type != kRouting && type != kFragment && type != kAuthentication &&
        type != kDestinationOptions) {
      break;
    }
    if (packet.size() - out.offset < kExtensionUnit) return PacketError::kTruncated;
    const auto header = packet.subspan(out.offset);
    size_t bytes = kExtensionUnit * (size_t{header[1]} + 1);
    if (type == kFragment) {
      bytes = kExtensionUnit;
      const uint16_t field = load_be16(&header[2]);
      out.fragment_offset = field >> 3;
      out.has_more_fragments = out.has_more_fragments || (field & 1) != 0;
    } else if (type == kAuthentication) {
      bytes = 4 * (size_t{header[1]} + 2);
    } else if (type == kRouting && header[3] != 0) {  // Segments Left
      out.is_source_routed = true;
    }
    if (bytes > header.size()) return PacketError::kTruncated;
    out.protocol = header[0];
    out.offset += bytes;
    // What follows is the middle of some payload.
    if (out.fragment_offset != 0) break;
  }
  return out;
}

}  // namespace

Found find_upper_layer(std::span<const uint8_t> packet) noexcept {
  if (packet.empty()) return PacketError::kTruncated;
  switch (packet[0] >> 4) {
    case 4:
      return find_in_v4(packet);
    case 6:
      return find_in_v6(packet);
    default:
      return PacketError::kUnknownVersion;
  }
}

}  // namespace connlib
