#include "tests/tunnel/system/remote_hosts.h"

#include <array>
#include <utility>
#include <variant>

#include "connlib/packet/ip_packet.h"
#include "tests/support/packets.h"

namespace connlib::tunnel {
namespace {

constexpr uint8_t kSynAck = 0x12;
constexpr size_t kEchoHeaderBytes = 8;

// What a well-behaved host says to `packet`.
std::optional<Bytes> reply_to(IpPacket& packet) {
  const IpAddress us = packet.destination();
  const IpAddress them = packet.source();
  if (const auto udp = packet.udp()) {
    const auto payload = udp->payload();
    return testing::udp_packet({us, udp->destination_port()}, {them, udp->source_port()},
                               {payload.begin(), payload.end()});
  }
  if (const auto tcp = packet.tcp()) {
    return testing::tcp_packet({us, tcp->destination_port()}, {them, tcp->source_port()},
                               {.flags = kSynAck});
  }
  const auto upper = packet.upper();
  const bool is_request = packet.icmp() && !packet.is_icmp_error() &&
                          upper.size() >= kEchoHeaderBytes &&
                          upper[0] == (packet.family() == IpFamily::kV4 ? 8 : 128);
  if (!is_request) return std::nullopt;
  const auto number = [&](size_t at) {
    return static_cast<uint16_t>(upper[at] << 8 | upper[at + 1]);
  };
  const auto payload = upper.subspan(kEchoHeaderBytes);
  return testing::echo_packet(us, them,
                              {.identifier = number(4), .sequence = number(6), .is_reply = true},
                              {payload.begin(), payload.end()});
}

}  // namespace

void RemoteHosts::set_error(const IpAddress& address, std::optional<IcmpError> error) {
  errors_.erase(address);
  if (error) errors_.emplace(address, *error);
}

std::optional<IcmpError> RemoteHosts::error_of(const IpAddress& address) const {
  const auto found = errors_.find(address);
  return found == errors_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Bytes> RemoteHosts::take(const GatewayId& gateway, Bytes bytes) {
  arrivals.push_back({gateway, bytes});
  auto parsed = IpPacket::parse(bytes);
  auto* packet = std::get_if<IpPacket>(&parsed);
  if (packet == nullptr) return std::nullopt;
  const auto error = error_of(packet->destination());
  if (!error) return reply_to(*packet);
  std::array<uint8_t, IpPacket::kMaxBytes> buffer{};
  const auto answer = answer_with_icmp_error(*error, *packet, buffer);
  if (answer.empty()) return std::nullopt;
  return Bytes(answer.begin(), answer.end());
}

}  // namespace connlib::tunnel
