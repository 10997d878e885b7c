#include "snownet/stun/xor_address.h"

#include <algorithm>
#include <array>

namespace connlib::snownet::stun {
namespace {

constexpr uint16_t kPortMask = kMagicCookie >> 16U;
using Mask = std::array<uint8_t, 16>;

Mask mask_of(const TransactionId& id) noexcept {
  Mask mask{};
  store_be32(mask.data(), kMagicCookie);
  std::copy(id.bytes.begin(), id.bytes.end(), mask.begin() + 4);
  return mask;
}

template <typename Address>
Address masked(std::span<const uint8_t> bytes, const Mask& mask) noexcept {
  Address out;
  for (size_t i = 0; i < out.bytes.size(); ++i) {
    out.bytes[i] = static_cast<uint8_t>(bytes[i] ^ mask[i]);
  }
  return out;
}

}  // namespace

std::optional<SocketAddress> decode_xor_address(std::span<const uint8_t> value,
                                                const TransactionId& id) noexcept {
  ByteReader in(value);
  in.u8();  // RFC 8489 §14.1: "MUST be set to 0 [...] MUST be ignored by receivers".
  const auto family = static_cast<AddressFamily>(in.u8());
  const auto port = static_cast<uint16_t>(in.be16() ^ kPortMask);
  const auto address = in.rest();
  if (!in.ok()) return std::nullopt;
  const Mask mask = mask_of(id);
  if (family == AddressFamily::kIpv4 && address.size() == 4) {
    return SocketAddress{masked<Ipv4Address>(address, mask), port};
  }
  if (family == AddressFamily::kIpv6 && address.size() == 16) {
    return SocketAddress{masked<Ipv6Address>(address, mask), port};
  }
  return std::nullopt;
}

void encode_xor_address(const SocketAddress& address, const TransactionId& id, ByteWriter& out) {
  const Mask mask = mask_of(id);
  out.u8(0);
  out.u8(static_cast<uint8_t>(to_wire(address.ip.family())));
  out.be16(static_cast<uint16_t>(address.port ^ kPortMask));
  if (address.ip.is_v4()) {
    out.bytes(masked<Ipv4Address>(address.ip.bytes(), mask).bytes);
  } else {
    out.bytes(masked<Ipv6Address>(address.ip.bytes(), mask).bytes);
  }
}

}  // namespace connlib::snownet::stun
