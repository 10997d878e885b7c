#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "connlib/base/timestamp.h"
#include "connlib/base/wakeup.h"
#include "connlib/portal/channel_event.h"
#include "connlib/portal/connect_request.h"
#include "connlib/portal/decoded.h"

namespace connlib::portal {

inline constexpr Duration kPeerIdleTimeout = 37s;   // Spec portal-protocol 1.10: clients, gateways.
inline constexpr Duration kRelayIdleTimeout = 41s;  // Spec 1.10.
inline constexpr size_t kMaxUnsentFrames = 1024;    // Ours: of a peer that reads too slowly.
inline constexpr size_t kMaxUnsentBytes = 16 << 20;  // Ours: four of the largest frames.

// PortalChannel is the portal's end of one peer's WebSocket, from upgrade to close: it answers
// heartbeats and misfits itself and gives its owner joins and messages to decide about.
class PortalChannel {
 public:
  // The peer wants to join; answer with accept_join() or refuse_join(). Also on a joined channel.
  struct JoinAsked {
    PeerFrame frame;
  };
  // An application message of a joined peer. Decode it; answer with reply_ok(), reply_error().
  struct Received {
    PeerFrame frame;
  };
  using Event = std::variant<JoinAsked, Received>;

  PortalChannel(Role role, Timestamp now);

  void handle_text(Timestamp now, std::string_view text);
  void handle_timeout(Timestamp now);

  void accept_join(Timestamp now, Ref join);  // Push `init` right after.
  void refuse_join(Timestamp now, Ref join, std::string_view reason);
  void push(Timestamp now, const Encoded& message);  // Dropped unless joined.
  void reply_ok(Timestamp now, Ref ref);
  void reply_error(Timestamp now, Ref ref, std::string_view reason);  // "unknown_message", …

  // disconnect() ends the session for good: the user is logged out. For a token that expired or was
  // revoked, and for a client that connected elsewhere; for nothing else (spec 10).
  void disconnect(Timestamp now);
  // close() ends it for now: the peer comes back.
  void close(Timestamp now, uint16_t code);

  [[nodiscard]] std::optional<std::string> poll_transmit();  // A text frame; may hold secrets.
  // The code to close the socket with, once all frames are out; then again nothing.
  [[nodiscard]] std::optional<uint16_t> poll_close();
  [[nodiscard]] std::optional<Event> poll_event();
  [[nodiscard]] Wakeup poll_timeout() const;

  bool is_joined() const { return is_joined_; }
  bool is_closed() const { return is_closed_; }
  uint64_t drops(FrameDrop why) const { return drops_[static_cast<size_t>(why)]; }

 private:
  void handle_frame(PeerFrame frame);
  void queue(std::string frame);
  void note(Timestamp now);

  std::string_view topic_;
  Duration idle_timeout_;
  Timestamp last_now_;
  Timestamp heard_at_;
  bool is_joined_ = false;
  bool is_closed_ = false;
  std::deque<std::string> frames_;
  size_t unsent_bytes_ = 0;
  std::optional<uint16_t> close_code_;
  std::deque<Event> events_;
  std::array<uint64_t, kFrameDropKinds> drops_{};
};

}  // namespace connlib::portal
