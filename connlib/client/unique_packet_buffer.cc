#include "connlib/client/unique_packet_buffer.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "connlib/base/check.h"
#include "connlib/packet/ip_packet.h"

namespace connlib::client {

UniquePacketBuffer::UniquePacketBuffer(size_t capacity) : capacity_(capacity) {
  CONNLIB_CHECK(capacity > 0);
}

std::optional<UniquePacketBuffer::Syn> UniquePacketBuffer::syn_of(std::span<uint8_t> bytes) {
  const auto parsed = IpPacket::parse(bytes);
  const auto* packet = std::get_if<IpPacket>(&parsed);
  if (packet == nullptr) return std::nullopt;
  const auto tcp = packet->tcp();
  // With ACK it is the answer to somebody else's SYN, and none of ours.
  if (!tcp || !tcp->has_syn() || tcp->has_ack()) return std::nullopt;
  return Syn{{packet->source(), tcp->source_port()},
             {packet->destination(), tcp->destination_port()},
             tcp->sequence()};
}

UniquePacketBuffer::Outcome UniquePacketBuffer::push(std::span<const uint8_t> packet) {
  const auto same_bytes = [&](const Kept& kept) { return std::ranges::equal(kept.bytes, packet); };
  if (std::any_of(kept_.begin(), kept_.end(), same_bytes)) return Outcome::kDuplicate;

  Kept fresh{Packet(packet.begin(), packet.end())};
  fresh.syn = syn_of(fresh.bytes);
  if (fresh.syn) {
    const auto repeated = std::find_if(kept_.begin(), kept_.end(),
                                       [&](const Kept& kept) { return kept.syn == fresh.syn; });
    if (repeated != kept_.end()) {
      *repeated = std::move(fresh);
      return Outcome::kReplaced;
    }
  }
  if (kept_.size() < capacity_) {
    kept_.push_back(std::move(fresh));
    return Outcome::kKept;
  }
  kept_[oldest_] = std::move(fresh);
  oldest_ = (oldest_ + 1) % capacity_;
  return Outcome::kLostOldest;
}

std::vector<UniquePacketBuffer::Packet> UniquePacketBuffer::take() {
  std::vector<Packet> out;
  out.reserve(kept_.size());
  for (size_t i = 0; i < kept_.size(); ++i) {
    out.push_back(std::move(kept_[(oldest_ + i) % kept_.size()].bytes));
  }
  kept_.clear();
  oldest_ = 0;
  return out;
}

}  // namespace connlib::client
