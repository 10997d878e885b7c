#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "connlib/base/ip.h"
#include "connlib/base/timestamp.h"
#include "connlib/base/wakeup.h"
#include "connlib/nat/session_table.h"
#include "connlib/nat/translations.h"
#include "connlib/packet/ip_packet.h"

namespace connlib::nat {

// GatewayNat is all that a gateway translates for one client (spec tunnel 5): names to addresses,
// sessions on top of them. It changes the destination of packets to a resource and the source of
// packets from it, and of the client's end at most the port. It knows no policy: callers have
// decided that the packet may go.
//
//    client ──► proxy address          translate_outbound()          real address ──► resource
//    client ◄── proxy address          translate_inbound()           real address ◄── resource
//
// Translations lead new sessions; a running one keeps the address with which it began (lesson
// 602844ae4a). Packets of running sessions allocate nothing.
class GatewayNat {
 public:
  struct Limits {
    SessionTable::Limits sessions{};
    size_t proxies = Translations::kMaxProxies;
  };
  explicit GatewayNat(Timestamp now) : GatewayNat(now, Limits()) {}
  GatewayNat(Timestamp now, const Limits& limits)
      : translations_(limits.proxies), sessions_(now, limits.sessions) {}

  enum class Installed : uint8_t {
    kInstalled,
    kRenumbered,  // A proxy stood for another name: everything before this is forgotten.
    kTooMany,     // Nothing changed.
  };
  // install() takes what a name resolved to, which may be nothing: traffic to it then earns a quick
  // "unreachable" (lesson ed2bc0bd25). `domain` is compared byte for byte, so lower its case.
  Installed install(std::string_view domain, std::span<const IpAddress> proxies,
                    std::span<const IpAddress> resolved);

  enum class Outbound : uint8_t {
    kTranslated,
    kNoTranslation,        // The proxy leads nowhere: answer "network unreachable".
    kUnsupportedProtocol,  // Neither ports nor an echo identifier.
    kExhausted,            // No port is free towards that address.
  };
  // translate_outbound() edits a packet whose destination is a proxy address. Anything but
  // kTranslated left it alone. ICMP errors have been dropped before (lesson e490de7729).
  Outbound translate_outbound(IpPacket& packet, Timestamp now);

  enum class Miss : uint8_t {
    kNotTranslated,  // Of no session: the ordinary policy decides.
    kExpired,  // Of a session that ended: drop it, it is not to be mistaken for other traffic.
  };
  // translate_inbound() takes a packet for the client. What it gives is the packet to send: edited
  // in place, or, for an ICMP error about a translated packet, a new one in `scratch`, in which the
  // resource's name hides the router that found the error. `scratch` holds IpPacket::kMaxBytes.
  std::variant<std::span<uint8_t>, Miss> translate_inbound(IpPacket& packet, Timestamp now,
                                                           std::span<uint8_t> scratch);

  void handle_timeout(Timestamp now) { sessions_.handle_timeout(now); }
  Wakeup poll_timeout() const;

  const Translations& translations() const { return translations_; }
  const SessionTable& sessions() const { return sessions_; }

 private:
  std::variant<std::span<uint8_t>, Miss> translate_error(IpPacket& packet, Timestamp now,
                                                         std::span<uint8_t> scratch);

  Translations translations_;
  SessionTable sessions_;
};

}  // namespace connlib::nat
