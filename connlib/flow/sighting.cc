#include "connlib/flow/sighting.h"

namespace connlib::flow {

std::optional<Sighting> sight(const IpPacket& packet) noexcept {
  if (const auto tcp = packet.tcp()) {
    return Sighting{.protocol = Protocol::Kind::kTcp,
                    .source = {packet.source(), tcp->source_port()},
                    .destination = {packet.destination(), tcp->destination_port()},
                    .payload_bytes = static_cast<uint32_t>(tcp->payload().size()),
                    .has_syn = tcp->has_syn(),
                    .has_ack = tcp->has_ack(),
                    .has_fin = tcp->has_fin(),
                    .has_rst = tcp->has_rst()};
  }
  if (const auto udp = packet.udp()) {
    return Sighting{.protocol = Protocol::Kind::kUdp,
                    .source = {packet.source(), udp->source_port()},
                    .destination = {packet.destination(), udp->destination_port()},
                    .payload_bytes = static_cast<uint32_t>(udp->payload().size())};
  }
  return std::nullopt;
}

}  // namespace connlib::flow
