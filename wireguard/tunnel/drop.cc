#include "wireguard/tunnel/drop.h"

namespace connlib::wireguard {

std::string_view drop_name(Drop drop) {
  switch (drop) {
    case Drop::kUnknownType:
      return "unknown_type";
    case Drop::kBadMac1:
      return "bad_mac1";
    case Drop::kUnderLoad:
      return "under_load";
    case Drop::kUnknownIndex:
      return "unknown_index";
    case Drop::kUnknownPeer:
      return "unknown_peer";
    case Drop::kBadHandshake:
      return "bad_handshake";
    case Drop::kReplayedTimestamp:
      return "replayed_timestamp";
    case Drop::kFlood:
      return "flood";
    case Drop::kBadCookieReply:
      return "bad_cookie_reply";
    case Drop::kBadTag:
      return "bad_tag";
    case Drop::kReplayed:
      return "replayed";
    case Drop::kCounterLimit:
      return "counter_limit";
    case Drop::kSessionExpired:
      return "session_expired";
    case Drop::kMalformedInner:
      return "malformed_inner";
    case Drop::kCount:
      break;
  }
  return "unknown";
}

Drop drop_of(OpenFailure failure) {
  switch (failure) {
    case OpenFailure::kCounterRejected:
      return Drop::kCounterLimit;
    case OpenFailure::kReplayed:
      return Drop::kReplayed;
    case OpenFailure::kBadTag:
      return Drop::kBadTag;
  }
  return Drop::kBadTag;
}

}  // namespace connlib::wireguard
