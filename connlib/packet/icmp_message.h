#pragma once

#include <cstdint>
#include <span>

#include "connlib/base/bytes.h"
#include "connlib/base/ip.h"

namespace connlib {

// ICMP types that we tell apart (RFC 792, RFC 4443).
inline constexpr uint8_t kIcmpv4EchoReply = 0;
inline constexpr uint8_t kIcmpv4Unreachable = 3;
inline constexpr uint8_t kIcmpv4SourceQuench = 4;
inline constexpr uint8_t kIcmpv4Redirect = 5;
inline constexpr uint8_t kIcmpv4EchoRequest = 8;
inline constexpr uint8_t kIcmpv4TimeExceeded = 11;
inline constexpr uint8_t kIcmpv4ParameterProblem = 12;
inline constexpr uint8_t kIcmpv6Unreachable = 1;
inline constexpr uint8_t kIcmpv6PacketTooBig = 2;
inline constexpr uint8_t kIcmpv6TimeExceeded = 3;
inline constexpr uint8_t kIcmpv6FirstInformational = 128;
inline constexpr uint8_t kIcmpv6EchoRequest = 128;
inline constexpr uint8_t kIcmpv6EchoReply = 129;

inline constexpr size_t kIcmpHeaderBytes = 8;

constexpr bool is_icmp_echo_request(IpFamily family, uint8_t type) {
  return type == (family == IpFamily::kV4 ? kIcmpv4EchoRequest : kIcmpv6EchoRequest);
}
constexpr bool is_icmp_echo(IpFamily family, uint8_t type) {
  return is_icmp_echo_request(family, type) ||
         type == (family == IpFamily::kV4 ? kIcmpv4EchoReply : kIcmpv6EchoReply);
}

// IcmpMessage reads an ICMPv4 or ICMPv6 message that IpPacket accepted:
//
//    0                   1                   2                   3
//   |     Type      |     Code      |           Checksum            |
//   |       Identifier, MTU or unused: depends on the type          |
//   /                            Body                               /
//
class IcmpMessage {
 public:
  IcmpMessage(IpFamily family, std::span<const uint8_t> bytes) noexcept
      : family_(family), bytes_(bytes) {}

  IpFamily family() const noexcept { return family_; }
  uint8_t type() const noexcept { return bytes_[0]; }
  uint8_t code() const noexcept { return bytes_[1]; }
  uint16_t checksum() const noexcept { return load_be16(&bytes_[2]); }
  uint32_t rest_of_header() const noexcept { return load_be32(&bytes_[4]); }
  std::span<const uint8_t> body() const noexcept { return bytes_.subspan(kIcmpHeaderBytes); }

  bool is_echo() const noexcept { return is_icmp_echo(family_, type()); }
  bool is_echo_request() const noexcept { return is_icmp_echo_request(family_, type()); }
  uint16_t echo_identifier() const noexcept { return load_be16(&bytes_[4]); }
  uint16_t echo_sequence() const noexcept { return load_be16(&bytes_[6]); }

  // is_error(): the types of which RFC 1122 §3.2.2 and RFC 4443 §2.4 say that no error may be sent
  // about them.
  bool is_error() const noexcept {
    if (family_ == IpFamily::kV6) return type() < kIcmpv6FirstInformational;
    return type() == kIcmpv4Unreachable || type() == kIcmpv4SourceQuench ||
           type() == kIcmpv4Redirect || type() == kIcmpv4TimeExceeded ||
           type() == kIcmpv4ParameterProblem;
  }

 private:
  IpFamily family_;
  std::span<const uint8_t> bytes_;
};

}  // namespace connlib
