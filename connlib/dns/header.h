#pragma once

#include <cstddef>
#include <cstdint>

namespace connlib::dns {

enum class ResponseCode : uint8_t {  // RFC 1035 §4.1.1; any value below 16.
  kNoError = 0,
  kFormatError = 1,
  kServerFailure = 2,
  kNameError = 3,  // NXDOMAIN
  kNotImplemented = 4,
  kRefused = 5,
};

enum class Opcode : uint8_t { kQuery = 0 };  // RFC 1035 §4.1.1; any value below 16.

inline constexpr size_t kHeaderBytes = 12;

// Header is the identifier and the flags of a message (RFC 1035 §4.1.1, RFC 4035 §3):
//
//    0  1  2  3  4  5  6  7  8  9  0  1  2  3  4  5
//   |                      ID                       |
//   |QR|   Opcode  |AA|TC|RD|RA| Z|AD|CD|   RCODE   |
//   |             QDCOUNT, ANCOUNT,                 |
//   |             NSCOUNT, ARCOUNT                  |
//
// The counts belong to Message and MessageBuilder. Z is dropped.
struct Header {
  uint16_t id = 0;
  bool is_response = false;
  Opcode opcode = Opcode::kQuery;
  bool is_authoritative = false;
  bool is_truncated = false;
  bool recursion_desired = false;
  bool recursion_available = false;
  bool authentic_data = false;
  bool checking_disabled = false;
  ResponseCode code = ResponseCode::kNoError;

  static constexpr Header decode(uint16_t id, uint16_t flags) {
    return {.id = id,
            .is_response = (flags & 0x8000) != 0,
            .opcode = static_cast<Opcode>(flags >> 11 & 0xf),
            .is_authoritative = (flags & 0x0400) != 0,
            .is_truncated = (flags & kTruncatedFlag) != 0,
            .recursion_desired = (flags & 0x0100) != 0,
            .recursion_available = (flags & 0x0080) != 0,
            .authentic_data = (flags & 0x0020) != 0,
            .checking_disabled = (flags & 0x0010) != 0,
            .code = static_cast<ResponseCode>(flags & 0xf)};
  }

  constexpr uint16_t flags() const {
    unsigned out = static_cast<unsigned>(opcode) << 11 | static_cast<unsigned>(code);
    if (is_response) out |= 0x8000;
    if (is_authoritative) out |= 0x0400;
    if (is_truncated) out |= kTruncatedFlag;
    if (recursion_desired) out |= 0x0100;
    if (recursion_available) out |= 0x0080;
    if (authentic_data) out |= 0x0020;
    if (checking_disabled) out |= 0x0010;
    return static_cast<uint16_t>(out);
  }

  // answer_to() is the header of our own answer to `query`.
  static constexpr Header answer_to(const Header& query, ResponseCode code) {
    return {.id = query.id,
            .is_response = true,
            .opcode = query.opcode,
            .recursion_desired = query.recursion_desired,
            .recursion_available = true,
            .checking_disabled = query.checking_disabled,
            .code = code};
  }

  static constexpr uint16_t kTruncatedFlag = 0x0200;

  friend constexpr bool operator==(const Header&, const Header&) = default;
};

}  // namespace connlib::dns
