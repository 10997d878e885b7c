#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "connlib/portal/channel_session.h"
#include "connlib/portal/connect_request.h"
#include "connlib/portal/shared_messages.h"

namespace connlib::portal {

// PeerChannel is ChannelSession with the messages of one role. It announces what we can do after
// every join. Tell whoever gathers candidates (CandidateOutbox) about Joined and Lost: what is sent
// while not joined is lost.
//
// `Traits` names the role, its messages In and Out, and says how to decode In; see
// client_channel.h and gateway_channel.h.
template <typename Traits>
class PeerChannel {
 public:
  using In = typename Traits::In;
  using Out = typename Traits::Out;
  using Event = std::variant<Joined, Lost, Ended, In>;

  PeerChannel(Login login, const PublicKey& public_key, std::optional<Duration> max_partition,
              RandomSource& random, Tracer& tracer, Timestamp now, absl::Time date)
      : login_(std::move(login)),
        public_key_(public_key),
        last_now_(now),
        session_({.topic = topic_of(Traits::kRole), .max_partition = max_partition}, random, tracer,
                 now, date) {
    login_.role = Traits::kRole;
  }

  // What to ask of the portal, when there is a Dial to follow.
  ConnectRequest connect_request() const { return make_connect_request(login_, public_key_); }

  // As of ChannelSession.
  void handle_upgraded(Timestamp now, SocketId socket) {
    session_.handle_upgraded(note(now), socket);
    drain();
  }
  void handle_refused(Timestamp now, SocketId socket, const HandshakeResponse& response) {
    session_.handle_refused(note(now), socket, response);
    drain();
  }
  void handle_signing_declined(Timestamp now, SocketId socket) {
    session_.handle_signing_declined(note(now), socket);
    drain();
  }
  void handle_text(Timestamp now, SocketId socket, std::string_view text) {
    session_.handle_text(note(now), socket, text);
    drain();
  }
  void handle_closed(Timestamp now, SocketId socket) {
    session_.handle_closed(note(now), socket);
    drain();
  }
  void handle_timeout(Timestamp now) {
    session_.handle_timeout(note(now));
    drain();
  }
  void shut_down(Timestamp now) { session_.shut_down(note(now)); }

  // The network changed, and with it perhaps our key.
  void reconnect(Timestamp now, const PublicKey& public_key) {
    public_key_ = public_key;
    session_.reconnect(note(now));
    drain();
  }

  bool send(Timestamp now, const Out& message) {
    note(now);
    return session_.send(encode(message));
  }

  [[nodiscard]] std::optional<SocketCommand> poll_command() { return session_.poll_command(); }

  [[nodiscard]] std::optional<std::string> poll_transmit() { return session_.poll_transmit(); }

  [[nodiscard]] std::optional<Event> poll_event() {
    if (events_.empty()) return std::nullopt;
    Event event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

  [[nodiscard]] Wakeup poll_timeout() const {
    if (!events_.empty()) return {last_now_, "portal channel has events"};
    return session_.poll_timeout();
  }

  bool is_joined() const { return session_.is_joined(); }
  uint64_t drops(FrameDrop why) const { return session_.drops(why); }
  uint64_t skipped_elements() const { return skipped_elements_; }

 private:
  Timestamp note(Timestamp now) { return last_now_ = std::max(last_now_, now); }

  void drain() {
    while (auto event = session_.poll_event()) {
      if (auto* push = std::get_if<Push>(&*event)) {
        decode(*push);
      } else if (std::holds_alternative<Joined>(*event)) {
        session_.send(encode(Out(SnownetCapabilities{})));  // The first message (spec 6.5.1).
        events_.emplace_back(Joined{});
      } else if (auto* lost = std::get_if<Lost>(&*event)) {
        events_.emplace_back(*lost);
      } else if (auto* ended = std::get_if<Ended>(&*event)) {
        events_.emplace_back(std::move(*ended));
      }
    }
  }

  void decode(const Push& push) {
    auto decoded = Traits::decode(push.event, push.payload());
    skipped_elements_ += decoded.skipped;
    if (auto* message = decoded.message()) {
      events_.emplace_back(std::move(*message));
    } else {
      session_.count_drop(std::get<FrameDrop>(decoded.result));
    }
  }

  Login login_;
  PublicKey public_key_;
  Timestamp last_now_;
  ChannelSession session_;
  std::deque<Event> events_;
  uint64_t skipped_elements_ = 0;
};

}  // namespace connlib::portal
