#include "connlib/nat/gateway_nat.h"

#include "connlib/base/check.h"
#include "connlib/packet/icmp_error.h"

namespace connlib::nat {
namespace {

GatewayNat::Miss to_miss(SessionTable::Miss miss) {
  return miss == SessionTable::Miss::kExpired ? GatewayNat::Miss::kExpired
                                              : GatewayNat::Miss::kNotTranslated;
}

}  // namespace

GatewayNat::Installed GatewayNat::install(std::string_view domain,
                                          std::span<const IpAddress> proxies,
                                          std::span<const IpAddress> resolved) {
  const bool is_renumbered = translations_.has_other_domain(domain, proxies);
  if (is_renumbered) {
    translations_.clear();
    sessions_.end_all();
  }
  if (!translations_.install(domain, proxies, resolved)) return Installed::kTooMany;
  return is_renumbered ? Installed::kRenumbered : Installed::kInstalled;
}

GatewayNat::Outbound GatewayNat::translate_outbound(IpPacket& packet, Timestamp now) {
  const IpAddress proxy = packet.destination();
  const auto real = translations_.find(proxy);
  if (!real) return Outbound::kNoTranslation;
  const ClassifiedProtocol source = packet.source_protocol();
  const ClassifiedProtocol destination = packet.destination_protocol();
  const auto* client_end = std::get_if<Protocol>(&source);
  const auto* resource_end = std::get_if<Protocol>(&destination);
  if (client_end == nullptr || resource_end == nullptr) return Outbound::kUnsupportedProtocol;

  const auto inside = SessionKey::of(*client_end, *resource_end, proxy);
  const auto outside = sessions_.translate_outbound(inside, *real, TcpSigns::of(packet), now);
  if (!outside) return Outbound::kExhausted;
  const bool fits = packet.translate_destination(outside->client_end(), outside->resource_ip);
  CONNLIB_DCHECK(fits);  // Translations never cross families (spec tunnel 5.2).
  return fits ? Outbound::kTranslated : Outbound::kNoTranslation;
}

std::variant<std::span<uint8_t>, GatewayNat::Miss> GatewayNat::translate_inbound(
    IpPacket& packet, Timestamp now, std::span<uint8_t> scratch) {
  if (packet.is_icmp_error()) return translate_error(packet, now, scratch);
  const ClassifiedProtocol source = packet.source_protocol();
  const ClassifiedProtocol destination = packet.destination_protocol();
  const auto* resource_end = std::get_if<Protocol>(&source);
  const auto* client_end = std::get_if<Protocol>(&destination);
  if (client_end == nullptr || resource_end == nullptr) return Miss::kNotTranslated;

  const auto outside = SessionKey::of(*client_end, *resource_end, packet.source());
  const auto found = sessions_.translate_inbound(outside, TcpSigns::of(packet), now);
  if (const auto* miss = std::get_if<SessionTable::Miss>(&found)) return to_miss(*miss);
  const SessionKey& inside = *std::get_if<SessionKey>(&found);
  const bool fits = packet.translate_source(inside.client_end(), inside.resource_ip);
  CONNLIB_DCHECK(fits);
  if (!fits) return Miss::kNotTranslated;
  return packet.bytes();
}

std::variant<std::span<uint8_t>, GatewayNat::Miss> GatewayNat::translate_error(
    IpPacket& packet, Timestamp now, std::span<uint8_t> scratch) {
  auto message = parse_icmp_error(packet);
  // What the error quotes was sent in the client's name, or it is not about the client's traffic.
  if (!message || message->quoted.source() != packet.destination()) return Miss::kNotTranslated;
  QuotedPacket& quoted = message->quoted;
  const auto outside =
      SessionKey::of(quoted.source_protocol(), quoted.destination_protocol(), quoted.destination());
  const auto found = sessions_.translate_inbound(outside, TcpSigns(), now);
  if (const auto* miss = std::get_if<SessionTable::Miss>(&found)) return to_miss(*miss);
  const SessionKey& inside = *std::get_if<SessionKey>(&found);
  if (!quoted.translate_destination(inside.client_end(), inside.resource_ip)) {
    return Miss::kNotTranslated;
  }
  const auto written = write_icmp_error(
      message->error, {.source = inside.resource_ip, .destination = packet.destination()},
      quoted.bytes(), scratch);
  if (written.empty()) return Miss::kNotTranslated;
  return written;
}

Wakeup GatewayNat::poll_timeout() const {
  const Timestamp at = sessions_.next_at();
  return at.is_never() ? Wakeup::none() : Wakeup{at, "expire NAT sessions"};
}

}  // namespace connlib::nat
