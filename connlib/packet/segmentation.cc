#include "connlib/packet/segmentation.h"

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

constexpr uint8_t kFinPsh = 0x09;
constexpr uint8_t kCwr = 0x80;

void set_ip_length(std::span<uint8_t> out, size_t segment) noexcept {
  if (out[0] >> 4 == 6) {
    store_be16(out.data() + 4, static_cast<uint16_t>(out.size() - kIpv6HeaderBytes));
    return;
  }
  const size_t header = size_t{4} * (out[0] & 15u);
  store_be16(out.data() + 2, static_cast<uint16_t>(out.size()));
  store_be16(out.data() + 4, static_cast<uint16_t>(load_be16(out.data() + 4) + segment));
  store_be16(out.data() + 10, 0);
  ChecksumSum sum;
  sum.add(out.first(header));
  store_be16(out.data() + 10, sum.finished());
}

}  // namespace

std::optional<SuperPacket> SuperPacket::parse(const OffloadInfo& info,
                                              std::span<const uint8_t> packet) {
  SuperPacket out;
  out.info_ = info;
  out.packet_ = packet;
  out.headers_ = packet.size();
  if (packet.empty()) return std::nullopt;
  const uint8_t version = packet[0] >> 4;
  const size_t ip_min = version == 4 ? kIpv4MinHeaderBytes : kIpv6HeaderBytes;
  if ((version != 4 && version != 6) || packet.size() < ip_min) return std::nullopt;
  if (info.needs_checksum &&
      size_t{info.checksum_start} + info.checksum_offset + 2 > packet.size()) {
    return std::nullopt;
  }
  if (info.gso == Gso::kNone) return out;

  // The kernel names the L4 header by checksum_start; a packet to be cut always comes with it.
  out.l4_ = info.checksum_start;
  if (!info.needs_checksum || out.l4_ < ip_min || info.segment_bytes == 0) return std::nullopt;
  if (version == 4 && out.l4_ != size_t{4} * (packet[0] & 15u)) return std::nullopt;
  if ((info.gso == Gso::kTcp4 && version != 4) || (info.gso == Gso::kTcp6 && version != 6)) {
    return std::nullopt;
  }
  const size_t l4_min = info.gso == Gso::kUdp ? kUdpHeaderBytes : kTcpMinHeaderBytes;
  if (packet.size() < out.l4_ + l4_min) return std::nullopt;
  const size_t l4_bytes =
      info.gso == Gso::kUdp ? kUdpHeaderBytes : size_t{4} * (packet[out.l4_ + 12] >> 4);
  out.headers_ = out.l4_ + l4_bytes;
  if (l4_bytes < l4_min || packet.size() <= out.headers_) return std::nullopt;
  const size_t payload = packet.size() - out.headers_;
  out.segments_ = (payload + info.segment_bytes - 1) / info.segment_bytes;
  if (out.segments_ > kMaxSegments) return std::nullopt;
  return out;
}

std::span<const uint8_t> SuperPacket::payload_of(size_t i) const noexcept {
  const auto payload = packet_.subspan(headers_);
  if (info_.gso == Gso::kNone) return payload;
  const auto rest = payload.subspan(i * info_.segment_bytes);
  return rest.first(std::min<size_t>(rest.size(), info_.segment_bytes));
}

void SuperPacket::write_segment(size_t i, std::span<uint8_t> out) const noexcept {
  const auto payload = payload_of(i);
  std::memcpy(out.data(), packet_.data(), headers_);
  if (!payload.empty()) std::memcpy(out.data() + headers_, payload.data(), payload.size());
  if (info_.gso != Gso::kNone) {
    set_ip_length(out, i);
    finish_l4(i, out);
  } else if (info_.needs_checksum) {
    // The field holds the pseudo-header's sum, so summing over it completes the checksum.
    const auto covered = out.subspan(info_.checksum_start);
    ChecksumSum sum;
    sum.add(covered);
    const uint16_t value = sum.finished();
    const bool is_udp = info_.checksum_offset == 6;  // Zero would mean "none" there (RFC 768).
    store_be16(covered.data() + info_.checksum_offset,
               is_udp && value == 0 ? uint16_t{0xffff} : value);
  }
}

void SuperPacket::finish_l4(size_t i, std::span<uint8_t> out) const noexcept {
  const auto l4 = out.subspan(l4_);
  ChecksumSum sum;
  if (info_.gso == Gso::kUdp) {
    store_be16(l4.data() + 4, static_cast<uint16_t>(l4.size()));
    store_be16(l4.data() + 6, 0);
    sum.add_pseudo_header(out, kProtocolUdp, static_cast<uint32_t>(l4.size()));
    sum.add(l4);
    const uint16_t value = sum.finished();
    store_be16(l4.data() + 6, value == 0 ? uint16_t{0xffff} : value);
    return;
  }
  store_be32(l4.data() + 4,
             load_be32(l4.data() + 4) + static_cast<uint32_t>(i * info_.segment_bytes));
  if (i + 1 < segments_) l4[13] = static_cast<uint8_t>(l4[13] & ~kFinPsh);
  if (i > 0) l4[13] = static_cast<uint8_t>(l4[13] & ~kCwr);  // RFC 3168 §6.1.2: once.
  store_be16(l4.data() + 16, 0);
  sum.add_pseudo_header(out, kProtocolTcp, static_cast<uint32_t>(l4.size()));
  sum.add(l4);
  store_be16(l4.data() + 16, sum.finished());
}

}  // namespace connlib
