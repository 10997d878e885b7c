#include "connlib/packet/coalescing.h"

#include <algorithm>
#include <cstring>

#include "connlib/base/bytes.h"
#include "connlib/packet/checksum.h"
#include "connlib/packet/ip_header.h"
#include "connlib/packet/protocol.h"
#include "connlib/packet/tcp_segment.h"
#include "connlib/packet/udp_datagram.h"

namespace connlib {
namespace {

constexpr size_t kLookBack = 8;  // Flows that are merged side by side.
constexpr size_t kMaxBytes = 65535;
constexpr uint8_t kAck = 0x10;
constexpr uint8_t kPsh = 0x08;

bool equal_bytes(const uint8_t* a, const uint8_t* b, size_t n) { return std::memcmp(a, b, n) == 0; }

bool is_v4(std::span<const uint8_t> packet) { return packet[0] >> 4 == 4; }
bool has_df(std::span<const uint8_t> packet) { return (packet[6] & 0x40) != 0; }

}  // namespace

bool Coalescer::read_shape(std::span<const uint8_t> packet, Shape& shape) const noexcept {
  // Nothing cut off, and nothing behind the packet.
  if (packet.empty() || total_length(packet) != packet.size()) return false;
  if (is_v4(packet)) {
    // No options, no fragments.
    if (packet[0] != 0x45 || (load_be16(packet.data() + 6) & 0x3fff) != 0) return false;
    shape.protocol = packet[9];
    shape.l4 = kIpv4MinHeaderBytes;
  } else {
    shape.protocol = packet[6];
    shape.l4 = kIpv6HeaderBytes;
  }
  const auto l4 = packet.subspan(shape.l4);
  if (shape.protocol == kProtocolTcp && merges_tcp_ && l4.size() >= kTcpMinHeaderBytes) {
    const size_t tcp_bytes = size_t{4} * (l4[12] >> 4);
    shape.headers = shape.l4 + tcp_bytes;
    return tcp_bytes >= kTcpMinHeaderBytes && shape.headers < packet.size() &&
           (l4[13] & ~kPsh) == kAck;
  }
  if (shape.protocol == kProtocolUdp && merges_udp_ && l4.size() > kUdpHeaderBytes) {
    shape.headers = shape.l4 + kUdpHeaderBytes;
    return load_be16(l4.data() + 4) == l4.size() && load_be16(l4.data() + 6) != 0;
  }
  return false;
}

bool Coalescer::has_right_checksum(std::span<const uint8_t> packet, const Shape& shape) noexcept {
  const auto l4 = packet.subspan(shape.l4);
  ChecksumSum sum;
  sum.add_pseudo_header(packet, shape.protocol, static_cast<uint32_t>(l4.size()));
  sum.add(l4);
  return sum.finished() == 0;
}

// Ports are compared there whatever the protocol is: closing a group too much costs little.
bool Coalescer::is_same_flow(const Open& group, std::span<const uint8_t> packet) noexcept {
  const auto first = group.parts[0];
  const size_t l4 = is_v4(packet) ? kIpv4MinHeaderBytes : kIpv6HeaderBytes;
  if (is_v4(first) != is_v4(packet) || packet.size() < l4) return false;
  const bool same_addresses = is_v4(first) ? equal_bytes(&first[12], &packet[12], 8)
                                           : equal_bytes(&first[8], &packet[8], 32);
  if (!same_addresses) return false;
  const bool is_plain = is_v4(packet) ? packet[0] == 0x45 : packet[6] == group.shape.protocol;
  if (!is_plain || packet.size() < l4 + 4) return true;  // Ports unknown: it might be.
  return packet[is_v4(packet) ? 9 : 6] == group.shape.protocol &&
         equal_bytes(&first[group.shape.l4], &packet[l4], 4);
}

// A packet that cannot be merged must not be overtaken by later ones of its flow.
void Coalescer::close_flow_of(std::span<const uint8_t> packet) noexcept {
  for (size_t back = 1; back <= std::min(kLookBack, count_); ++back) {
    Open& group = (*groups_)[count_ - back];
    if (group.shape.protocol != 0 && is_same_flow(group, packet)) group.is_closed = true;
  }
}

// The packet is of the group's flow. All the kernel would check when it cuts the merged packet
// again.
bool Coalescer::can_append(const Open& group, std::span<const uint8_t> packet,
                           const Shape& shape) noexcept {
  const auto first = group.parts[0];
  const size_t payload = packet.size() - shape.headers;
  if (group.is_closed || group.count == kMaxParts || group.shape.headers != shape.headers)
    return false;
  if (payload > group.payload_bytes || group.total_bytes + payload > kMaxBytes) return false;
  if (is_v4(first)) {
    const auto expected_id = static_cast<uint16_t>(load_be16(&first[4]) + group.count);
    if (!equal_bytes(&first[0], &packet[0], 2) || !equal_bytes(&first[6], &packet[6], 3))
      return false;
    if (!has_df(first) && load_be16(&packet[4]) != expected_id) return false;
  } else if (!equal_bytes(&first[0], &packet[0], 4) || first[7] != packet[7]) {
    return false;
  }
  if (shape.protocol == kProtocolUdp) return true;
  const uint8_t* a = &first[shape.l4];
  const uint8_t* b = &packet[shape.l4];
  return load_be32(b + 4) == group.next_sequence && equal_bytes(a + 8, b + 8, 4) &&
         equal_bytes(a + 14, b + 14, 2) &&
         equal_bytes(a + 18, b + 18, shape.headers - shape.l4 - 18);
}

void Coalescer::append(Open& group, std::span<uint8_t> packet, const Shape& shape) noexcept {
  const size_t payload = packet.size() - shape.headers;
  if (group.count == 0) {
    group.parts[0] = packet;
    group.total_bytes = packet.size();
    group.payload_bytes = payload;
  } else {
    group.parts[group.count] = packet.subspan(shape.headers);
    group.total_bytes += payload;
    group.is_closed = payload < group.payload_bytes;
  }
  ++group.count;
  if (shape.protocol != kProtocolTcp) return;
  const uint8_t* tcp = &packet[shape.l4];
  group.next_sequence = load_be32(tcp + 4) + static_cast<uint32_t>(payload);
  if ((tcp[13] & kPsh) != 0) {
    uint8_t& flags = group.parts[0][shape.l4 + 13];
    flags = static_cast<uint8_t>(flags | kPsh);
    group.is_closed = true;
  }
}

bool Coalescer::add(std::span<uint8_t> packet) noexcept {
  Shape shape;
  const bool may_merge = read_shape(packet, shape) && has_right_checksum(packet, shape);
  if (!may_merge) {
    if (packet.size() >= kIpv4MinHeaderBytes) close_flow_of(packet);
  } else {
    for (size_t back = 1; back <= std::min(kLookBack, count_); ++back) {
      Open& group = (*groups_)[count_ - back];
      if (group.shape.protocol == 0 || !is_same_flow(group, packet)) continue;
      if (can_append(group, packet, shape)) {
        append(group, packet, shape);
        return true;
      }
      break;  // Behind this group, or the flow would be reordered.
    }
  }
  if (count_ == kMaxGroups) return false;
  Open& group = (*groups_)[count_++];
  group.count = 0;
  group.shape = may_merge ? shape : Shape{};
  group.is_closed = !may_merge;
  if (may_merge) {
    append(group, packet, shape);
  } else {
    group.parts[0] = packet;
    group.count = 1;
    group.total_bytes = packet.size();
  }
  return true;
}

// Turns the first packet's headers into those of the whole.
Coalescer::Group Coalescer::finish(Open& group) noexcept {
  const std::span<const std::span<uint8_t>> parts(group.parts.data(), group.count);
  if (group.count == 1) return {{}, parts};
  const auto head = group.parts[0];
  const Shape& shape = group.shape;
  const bool four = is_v4(head);
  const bool tcp = shape.protocol == kProtocolTcp;
  if (four) {
    store_be16(&head[2], static_cast<uint16_t>(group.total_bytes));
    store_be16(&head[10], 0);
    ChecksumSum sum;
    sum.add(head.first(kIpv4MinHeaderBytes));
    store_be16(&head[10], sum.finished());
  } else {
    store_be16(&head[4], static_cast<uint16_t>(group.total_bytes - kIpv6HeaderBytes));
  }
  const size_t l4_bytes = group.total_bytes - shape.l4;
  const size_t field = tcp ? 16 : 6;
  if (!tcp) store_be16(&head[shape.l4 + 4], static_cast<uint16_t>(l4_bytes));
  ChecksumSum pseudo;
  pseudo.add_pseudo_header(head, shape.protocol, static_cast<uint32_t>(l4_bytes));
  store_be16(&head[shape.l4 + field], pseudo.folded());
  OffloadInfo info;
  info.gso = !tcp ? Gso::kUdp : four ? Gso::kTcp4 : Gso::kTcp6;
  info.segment_bytes = static_cast<uint16_t>(group.payload_bytes);
  info.header_bytes = static_cast<uint16_t>(shape.headers);
  info.needs_checksum = true;
  info.checksum_start = static_cast<uint16_t>(shape.l4);
  info.checksum_offset = static_cast<uint16_t>(field);
  return {info, parts};
}

}  // namespace connlib
