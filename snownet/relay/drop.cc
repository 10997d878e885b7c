#include "snownet/relay/drop.h"

namespace connlib::snownet::relay {

const char* name(Drop drop) noexcept {
  switch (drop) {
    case Drop::kSourceCannotBeAnswered:
      return "source_cannot_be_answered";
    case Drop::kNotOurs:
      return "not_ours";
    case Drop::kNotARequest:
      return "not_a_request";
    case Drop::kWrongFingerprint:
      return "wrong_fingerprint";
    case Drop::kReplyLimit:
      return "reply_limit";
    case Drop::kQueueFull:
      return "queue_full";
    case Drop::kAllocationOpening:
      return "allocation_opening";
    case Drop::kBadChannelData:
      return "bad_channel_data";
    case Drop::kUnknownChannel:
      return "unknown_channel";
    case Drop::kUnknownPeer:
      return "unknown_peer";
    case Drop::kTooLong:
      return "too_long";
    case Drop::kRateLimit:
      return "rate_limit";
    case Drop::kCount:
      break;
  }
  return "unknown";
}

}  // namespace connlib::snownet::relay
