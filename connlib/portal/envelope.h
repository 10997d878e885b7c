#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "connlib/portal/json_value.h"

namespace connlib::portal {

// Frames of the channel (spec portal-protocol 1.8): one JSON object per text message.
//
//   peer → portal   {"topic":…,"event":…,"payload":…,"ref":7}
//   portal → peer   the same as a push, "ref" null or absent; or a reply:
//                   {"topic":…,"event":"phx_reply","payload":{"status":…,"response":{…}},"ref":7}
inline constexpr size_t kMaxPortalFrameBytes = 4 << 20;  // Ours: an init with 20'000 resources.
inline constexpr size_t kMaxPeerFrameBytes = 64 << 10;   // Ours: peers send candidates at most.

inline constexpr std::string_view kHeartbeatTopic = "phoenix";
inline constexpr std::string_view kHeartbeatEvent = "heartbeat";
inline constexpr std::string_view kJoinEvent = "phx_join";
inline constexpr std::string_view kReplyEvent = "phx_reply";
inline constexpr std::string_view kCloseEvent = "phx_close";
inline constexpr std::string_view kErrorEvent = "phx_error";
inline constexpr std::string_view kDisconnectEvent = "disconnect";

// Ref pairs a reply with what it answers: chosen by the peer, echoed by the portal.
using Ref = uint64_t;

// FrameDrop says why a frame led to nothing. The connection stays (spec 8).
enum class FrameDrop : uint8_t {
  kNotJson,       // No JSON, no UTF-8, or beyond the limits of size and depth.
  kNoEnvelope,    // A key of the envelope is missing or of another type.
  kForeignTopic,  // Of a topic that this connection did not join.
  kUnknownEvent,
  kBadPayload,  // A known event that lacks what it must have.
  kUnknownReply,
};
inline constexpr size_t kFrameDropKinds = 6;
std::string_view name(FrameDrop drop);

// PeerFrame is what a client, gateway or relay sent.
struct PeerFrame {
  std::string topic;
  std::string event;
  Ref ref = 0;
  JsonDocument document;

  JsonValue payload() const { return document.root()["payload"]; }  // Borrows from this frame.
};

// Reply answers one frame of the peer.
struct Reply {
  std::string topic;
  Ref ref = 0;
  bool is_ok = false;
  std::string reason;  // Of an error.
};

// Push is what the portal sends on its own account, the ends of a channel included.
struct Push {
  std::string topic;
  std::string event;
  JsonDocument document;

  JsonValue payload() const { return document.root()["payload"]; }  // Borrows from this push.
};

using PortalFrame = std::variant<Reply, Push, FrameDrop>;

// Both read any text and never fail harder than a FrameDrop. Key order and unknown keys do not
// matter; a reply without a ref is kUnknownReply.
std::variant<PeerFrame, FrameDrop> parse_peer_frame(std::string_view text);
PortalFrame parse_portal_frame(std::string_view text);

// `payload` is JSON. The keys stand in the order of the reference programs.
std::string write_peer_frame(std::string_view topic, std::string_view event,
                             std::string_view payload, Ref ref);
std::string write_push(std::string_view topic, std::string_view event, std::string_view payload);

// An ok reply carries exactly {}: anything else makes reference programs ignore it (spec 0.4).
std::string write_ok_reply(std::string_view topic, Ref ref);
std::string write_error_reply(std::string_view topic, Ref ref, std::string_view reason);

}  // namespace connlib::portal
