// The packet path of Server: two or three lookups per run, no allocation, no copy.
#include <algorithm>

#include "connlib/base/bytes.h"
#include "snownet/relay/server.h"
#include "snownet/stun/channel_data.h"
#include "snownet/stun/datagram_kind.h"

namespace connlib::snownet::relay {
namespace {

using stun::kChannelDataHeaderBytes;

size_t max_datagram_bytes(const SocketAddress& to) {
  return to.ip.is_v4() ? kMaxDatagramBytesV4 : kMaxDatagramBytesV6;
}

}  // namespace

ClientAnswer Server::handle_client_run(Timestamp now, const SocketAddress& client,
                                       std::span<const uint8_t> run, size_t segment_bytes) {
  now = clamp(now);
  if (segment_bytes == 0 || segment_bytes > run.size()) segment_bytes = run.size();
  ClientAnswer answer;
  const uint8_t first = run.empty() ? uint8_t{0xff} : run[0];
  if (first >= stun::kFirstChannel.value() >> 8U && first <= options_.last_channel.value() >> 8U) {
    const auto forwarded = forward(now, client, run, segment_bytes, answer.datagrams);
    std::visit([&](const auto& fate) { answer.outcome = fate; }, forwarded);
    return answer;
  }
  if (stun::datagram_kind(run) == stun::DatagramKind::kStun) {
    const Fate fate = handle_stun(now, client, run.first(segment_bytes));
    std::visit([&](const auto& what) { answer.outcome = what; }, fate);
    if (const auto* drop = std::get_if<Drop>(&fate)) dropped(*drop);
    return answer;
  }
  answer.outcome = dropped(Drop::kNotOurs);
  return answer;
}

// As stun::parse_channel_data(), with the range of numbers that this relay serves.
std::optional<stun::ChannelData> Server::parse_frame(std::span<const uint8_t> datagram) const {
  ByteReader in(datagram);
  const stun::ChannelNumber channel{in.be16()};
  const auto payload = in.bytes(in.be16());
  if (!in.ok() || channel < stun::kFirstChannel || channel > options_.last_channel) {
    return std::nullopt;
  }
  return stun::ChannelData{channel, payload};
}

// How many bytes of `run` are frames just like the first, which fills its segment: same channel,
// and its length says that it ends where its segment does.
size_t Server::equal_frames_bytes(std::span<const uint8_t> run, size_t segment_bytes,
                                  stun::ChannelNumber channel) const {
  size_t size = segment_bytes;
  while (size < run.size()) {
    const auto next = run.subspan(size, std::min(segment_bytes, run.size() - size));
    const auto frame = parse_frame(next);
    if (!frame || frame->channel != channel ||
        frame->payload.size() + kChannelDataHeaderBytes != next.size()) {
      break;
    }
    size += next.size();
  }
  return size;
}

std::variant<ToPeer, Drop> Server::forward(Timestamp now, const SocketAddress& client,
                                           std::span<const uint8_t> run, size_t segment_bytes,
                                           size_t& datagrams) {
  const auto frame = parse_frame(run.first(segment_bytes));
  if (!frame) return dropped(Drop::kBadChannelData);
  const size_t frame_bytes = frame->payload.size() + kChannelDataHeaderBytes;
  // A padded frame travels alone: behind it the stride is not the frame's size.
  const size_t size = frame_bytes == segment_bytes
                          ? equal_frames_bytes(run, segment_bytes, frame->channel)
                          : frame_bytes;
  datagrams = (size + frame_bytes - 1) / frame_bytes;

  const auto id = table_.find(client);
  if (!id) return dropped(Drop::kUnknownChannel, datagrams);
  const Channel* channel = bound(now, table_.find(*id, frame->channel));
  if (channel == nullptr) return dropped(Drop::kUnknownChannel, datagrams);
  if (frame->payload.size() > max_datagram_bytes(channel->peer)) {
    return dropped(Drop::kTooLong, datagrams);
  }
  Allocation& allocation = table_[*id];
  if (!may_pass(now, allocation, size)) return dropped(Drop::kRateLimit, datagrams);
  const ToPeer answer{allocation.port, channel->peer, run.first(size), frame_bytes};
  for_each_payload(answer, [&](auto payload) { count(counters_.to_peers, payload.size()); });
  return answer;
}

PeerAnswer Server::handle_peer_run(Timestamp now, uint16_t port, const SocketAddress& peer,
                                   std::span<const uint8_t> run, size_t segment_bytes) {
  now = clamp(now);
  if (segment_bytes == 0 || segment_bytes > run.size()) segment_bytes = run.size();
  const size_t datagrams = run.empty() ? 1 : (run.size() + segment_bytes - 1) / segment_bytes;
  const auto id = table_.find(port);
  if (!id) return dropped(Drop::kUnknownPeer, datagrams);
  const Channel* channel = bound(now, table_.find(*id, peer));
  if (channel == nullptr) return dropped(Drop::kUnknownPeer, datagrams);
  Allocation& allocation = table_[*id];
  if (segment_bytes + kChannelDataHeaderBytes > max_datagram_bytes(allocation.client)) {
    return dropped(Drop::kTooLong, datagrams);
  }
  if (!may_pass(now, allocation, run.size())) return dropped(Drop::kRateLimit, datagrams);
  for (size_t i = 0; i < datagrams; ++i) {
    count(counters_.to_clients, std::min(segment_bytes, run.size() - i * segment_bytes));
  }
  return ToClient{allocation.client, channel->number};
}

// Expiry is inclusive, and holds although handle_timeout() may come late.
const Channel* Server::bound(Timestamp now, std::optional<ChannelId> id) const {
  if (!id) return nullptr;
  const Channel& channel = table_[*id];
  if (!channel.is_bound || channel.expires_at <= now) return nullptr;
  return table_[channel.allocation].expires_at <= now ? nullptr : &channel;
}

bool Server::may_pass(Timestamp now, Allocation& allocation, size_t bytes) {
  return allocation.rate.allow(now, bytes) && rate_.allow(now, bytes);
}

void Server::count(Traffic& traffic, size_t payload_bytes) {
  ++traffic.packets;
  traffic.bytes += payload_bytes;
  const size_t bucket = payload_bytes == 0 ? 0 : (payload_bytes - 1) / 100;
  ++counters_.payload_sizes[std::min(bucket, Counters::kSizeBuckets - 1)];
}

Drop Server::dropped(Drop drop, size_t datagrams) {
  counters_.drops[static_cast<size_t>(drop)] += datagrams;
  return drop;
}

}  // namespace connlib::snownet::relay
