#include "snownet/stun/channel_data.h"

#include "connlib/base/bytes.h"
#include "connlib/base/check.h"

namespace connlib::snownet::stun {

std::optional<ChannelData> parse_channel_data(std::span<const uint8_t> datagram) noexcept {
  ByteReader in(datagram);
  const ChannelNumber channel{in.be16()};
  const auto payload = in.bytes(in.be16());
  if (!in.ok() || !is_valid(channel)) return std::nullopt;
  return ChannelData{channel, payload};
}

void write_channel_data_header(std::span<uint8_t, kChannelDataHeaderBytes> header,
                               ChannelNumber channel, size_t payload_bytes) {
  CONNLIB_CHECK(payload_bytes <= UINT16_MAX);
  store_be16(header.data(), channel.value());
  store_be16(header.data() + 2, static_cast<uint16_t>(payload_bytes));
}

}  // namespace connlib::snownet::stun
