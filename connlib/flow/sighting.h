#pragma once

#include <cstdint>
#include <optional>

#include "connlib/base/ip.h"
#include "connlib/packet/ip_packet.h"
#include "connlib/packet/protocol.h"

namespace connlib::flow {

// Sighting is what one packet tells about its flow.
struct Sighting {
  Protocol::Kind protocol = Protocol::Kind::kUdp;  // TCP or UDP.
  SocketAddress source{};
  SocketAddress destination{};
  uint32_t payload_bytes = 0;  // Behind the TCP or UDP header.
  bool has_syn = false;
  bool has_ack = false;
  bool has_fin = false;
  bool has_rst = false;

  bool opens_connection() const { return has_syn && !has_ack; }

  // may_open(): what ends a connection begins none, nor does an acknowledgement that is all there
  // is. Data does: a connection may be older than its records.
  bool may_open() const {
    if (protocol == Protocol::Kind::kUdp) return true;
    return !has_fin && !has_rst && (has_syn || payload_bytes > 0);
  }
};

// sight() is nullopt for what has no records: everything but TCP and UDP.
std::optional<Sighting> sight(const IpPacket& packet) noexcept;

}  // namespace connlib::flow
