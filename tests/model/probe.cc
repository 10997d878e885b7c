#include "tests/model/probe.h"

#include <variant>

#include "connlib/model/addressing.h"
#include "connlib/packet/ip_packet.h"
#include "tests/support/packets.h"

namespace connlib::model_test {
namespace {

constexpr uint8_t kSyn = 0x02;

uint16_t number_at(std::span<const uint8_t> bytes, size_t at) {
  return bytes.size() < at + 2 ? uint16_t{0}
                               : static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

void look_at_udp(const UdpDatagram& udp, Sighting& out) {
  out.source_port = udp.source_port();
  out.destination_port = udp.destination_port();
  out.payload.assign(udp.payload().begin(), udp.payload().end());
  if (out.source_port == kDnsPort && kSentinelRange.contains(out.source)) {
    out.what = Sighting::What::kDnsAnswer;
    out.number = out.destination_port;
    return;
  }
  out.number = number_at(out.payload, 0);
  out.what = out.destination_port == out.number ? Sighting::What::kEcho : Sighting::What::kItself;
}

void look_at_tcp(const TcpSegment& tcp, Sighting& out) {
  out.source_port = tcp.source_port();
  out.destination_port = tcp.destination_port();
  const bool is_answer = tcp.has_syn() && tcp.has_ack();
  out.what = is_answer ? Sighting::What::kEcho : Sighting::What::kItself;
  out.number = is_answer ? out.destination_port : out.source_port;
}

}  // namespace

Bytes make_packet(const Probe& probe) {
  const Bytes payload = {static_cast<uint8_t>(probe.number >> 8),
                         static_cast<uint8_t>(probe.number),
                         'p',
                         'r',
                         'o',
                         'b',
                         'e'};
  const SocketAddress from{probe.source, probe.number};
  const SocketAddress to{probe.destination, probe.traffic.port};
  switch (probe.traffic.protocol) {
    case Filter::Protocol::kUdp:
      return testing::udp_packet(from, to, payload);
    case Filter::Protocol::kTcp:
      return testing::tcp_packet(from, to, {.flags = kSyn});
    case Filter::Protocol::kIcmp:
      return testing::echo_packet(probe.source, probe.destination, {.identifier = probe.number},
                                  payload);
  }
  return {};
}

std::optional<Sighting> look_at(const Bytes& bytes) {
  Bytes copy = bytes;
  auto parsed = IpPacket::parse(copy);
  auto* packet = std::get_if<IpPacket>(&parsed);
  if (packet == nullptr) return std::nullopt;
  Sighting out{.source = packet->source(), .destination = packet->destination()};
  if (packet->is_icmp_error()) {
    const auto error = parse_icmp_error(*packet);
    if (!error) return std::nullopt;
    out.what = Sighting::What::kError;
    out.error = error->error;
    out.quoted_destination = error->quoted.destination();
    out.number = error->quoted.source_protocol().value;
    return out;
  }
  if (const auto udp = packet->udp()) {
    look_at_udp(*udp, out);
  } else if (const auto tcp = packet->tcp()) {
    look_at_tcp(*tcp, out);
  } else if (packet->icmp()) {
    const auto upper = packet->upper();
    const bool is_reply = upper[0] == 0 || upper[0] == 129;
    out.what = is_reply ? Sighting::What::kEcho : Sighting::What::kItself;
    out.number = number_at(upper, 4);
  } else {
    return std::nullopt;
  }
  return out;
}

}  // namespace connlib::model_test
