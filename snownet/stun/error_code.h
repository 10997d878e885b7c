#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace connlib::snownet::stun {

// ErrorCode is class * 100 + number of an ERROR-CODE attribute. Any code from 300 to 699 may
// arrive.
enum class ErrorCode : uint16_t {
  kTryAlternate = 300,
  kBadRequest = 400,
  kUnauthorized = 401,
  kForbidden = 403,
  kUnknownAttribute = 420,
  kAllocationMismatch = 437,
  kStaleNonce = 438,
  kAddressFamilyNotSupported = 440,
  kWrongCredentials = 441,
  kUnsupportedTransportProtocol = 442,
  kPeerAddressFamilyMismatch = 443,
  kAllocationQuotaReached = 486,
  kRoleConflict = 487,
  kServerError = 500,
  kInsufficientCapacity = 508,
};

// The phrase we send with `code`; "Error" for a code without a name.
std::string_view reason_phrase(ErrorCode code) noexcept;

// ErrorReply is a received ERROR-CODE. Compare codes only: `reason` may be anything, NULs included,
// and borrows from the message.
struct ErrorReply {
  ErrorCode code{};
  std::string_view reason;
};

// decode_error_code() reads the value of an ERROR-CODE attribute (RFC 8489 §14.8):
//
//   |           Reserved, should be 0         |Class|     Number    |
//   /                  Reason Phrase (variable)                     /
//
// Class is 3 to 6, number 0 to 99; anything else is malformed.
std::optional<ErrorReply> decode_error_code(std::span<const uint8_t> value) noexcept;

}  // namespace connlib::snownet::stun
