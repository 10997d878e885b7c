#include "snownet/stun/error_code.h"

#include "connlib/base/bytes.h"

namespace connlib::snownet::stun {

std::string_view reason_phrase(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kTryAlternate:
      return "Try Alternate";
    case ErrorCode::kBadRequest:
      return "Bad Request";
    case ErrorCode::kUnauthorized:
      return "Unauthorized";
    case ErrorCode::kForbidden:
      return "Forbidden";
    case ErrorCode::kUnknownAttribute:
      return "Unknown Attribute";
    case ErrorCode::kAllocationMismatch:
      return "Allocation Mismatch";
    case ErrorCode::kStaleNonce:
      return "Stale Nonce";
    case ErrorCode::kAddressFamilyNotSupported:
      return "Address Family not Supported";
    case ErrorCode::kWrongCredentials:
      return "Wrong Credentials";
    case ErrorCode::kUnsupportedTransportProtocol:
      return "Unsupported Transport Protocol";
    case ErrorCode::kPeerAddressFamilyMismatch:
      return "Peer Address Family Mismatch";
    case ErrorCode::kAllocationQuotaReached:
      return "Allocation Quota Reached";
    case ErrorCode::kRoleConflict:
      return "Role Conflict";
    case ErrorCode::kServerError:
      return "Server Error";
    case ErrorCode::kInsufficientCapacity:
      return "Insufficient Capacity";
  }
  return "Error";
}

std::optional<ErrorReply> decode_error_code(std::span<const uint8_t> value) noexcept {
  ByteReader in(value);
  in.be16();
  const uint32_t cls = in.u8() & 0x07U;
  const uint32_t number = in.u8();
  if (!in.ok() || cls < 3 || cls > 6 || number > 99) return std::nullopt;
  const auto reason = in.rest();
  return ErrorReply{static_cast<ErrorCode>(cls * 100 + number),
                    {reinterpret_cast<const char*>(reason.data()), reason.size()}};
}

}  // namespace connlib::snownet::stun
