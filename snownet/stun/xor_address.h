#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "connlib/base/bytes.h"
#include "connlib/base/ip.h"
#include "snownet/stun/transaction_id.h"

namespace connlib::snownet::stun {

inline constexpr uint32_t kMagicCookie = 0x2112a442;  // RFC 8489 §5

// AddressFamily is the family byte of addresses and of REQUESTED-ADDRESS-FAMILY. Others may arrive.
enum class AddressFamily : uint8_t { kIpv4 = 1, kIpv6 = 2 };

constexpr AddressFamily to_wire(IpFamily family) {
  return family == IpFamily::kV4 ? AddressFamily::kIpv4 : AddressFamily::kIpv6;
}

// decode_xor_address() reads the value of an XOR-*-ADDRESS attribute (RFC 8489 §14.2):
//
//   |0 0 0 0 0 0 0 0|    Family     |         X-Port                |
//   |                X-Address (Variable)
//
// Port and IPv4 address are XORed with the magic cookie, IPv6 addresses with cookie and `id`.
// nullopt when family and length disagree.
std::optional<SocketAddress> decode_xor_address(std::span<const uint8_t> value,
                                                const TransactionId& id) noexcept;

// The bytes encode_xor_address() writes for `address`: 8 or 20.
constexpr size_t xor_address_bytes(const SocketAddress& address) {
  return address.ip.is_v4() ? 8 : 20;
}

void encode_xor_address(const SocketAddress& address, const TransactionId& id, ByteWriter& out);

}  // namespace connlib::snownet::stun
