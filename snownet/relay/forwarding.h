#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <variant>

#include "connlib/base/ip.h"
#include "snownet/relay/drop.h"
#include "snownet/stun/channel_data.h"

namespace connlib::snownet::relay {

// Consumed: a request. Its answer waits in poll_transmit(), unless there is none.
struct Consumed {};

// ToPeer: send the payloads of `frames`, one datagram each, from the relayed port to the peer.
// `frames` borrows from the received run: ChannelData messages of `frame_bytes` each, the last one
// may be shorter. With a gathering send nothing needs to be copied or moved.
struct ToPeer {
  uint16_t port = 0;
  SocketAddress peer;
  std::span<const uint8_t> frames;
  size_t frame_bytes = 0;
};

// ToClient: send each datagram of the run, a ChannelData header in front, from the listening port
// to the client. All headers of equal payloads are equal.
struct ToClient {
  SocketAddress client;
  stun::ChannelNumber channel;
};

// ClientAnswer is what became of the first `datagrams` of a client's run. Ask again for the rest.
struct ClientAnswer {
  std::variant<Consumed, ToPeer, Drop> outcome;
  size_t datagrams = 1;
};

// PeerAnswer is what became of a peer's run, all of it.
using PeerAnswer = std::variant<ToClient, Drop>;

// for_each_payload() calls `visit(span)` with the payload of each frame, in order; it may be empty.
template <typename Visit>
void for_each_payload(const ToPeer& answer, Visit&& visit) {
  for (auto rest = answer.frames; !rest.empty();) {
    const auto frame =
        rest.first(rest.size() < answer.frame_bytes ? rest.size() : answer.frame_bytes);
    visit(frame.subspan(stun::kChannelDataHeaderBytes));
    rest = rest.subspan(frame.size());
  }
}

}  // namespace connlib::snownet::relay
