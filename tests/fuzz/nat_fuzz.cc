// A gateway's NAT between a hostile client and hostile resources. A script of whole packets in both
// directions, new resolutions and time; everything that passes is judged.
#include <algorithm>
#include <array>
#include <optional>
#include <variant>
#include <vector>

#include "connlib/base/check.h"
#include "connlib/nat/gateway_nat.h"
#include "connlib/packet/icmp_error.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/packets.h"

namespace connlib::nat {
namespace {

using fuzz::FuzzInput;
using testing::Bytes;

constexpr Timestamp kStart = Timestamp::from_nanoseconds(7'777'777'777'777);
constexpr GatewayNat::Limits kLimits{.sessions = {.sessions = 16, .tombstones = 8}, .proxies = 24};

IpAddress client(IpFamily family) {
  return testing::address(family == IpFamily::kV4 ? "100.64.0.5" : "fd00:2021:1111::5");
}
IpAddress proxy(IpFamily family, uint8_t n) {
  if (family == IpFamily::kV4) return Ipv4Address{{100, 96, 0, n}};
  return Ipv6Address{{0xfd, 0, 0x20, 0x21, 0x11, 0x11, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, n}};
}
IpAddress real(IpFamily family, uint8_t n) {
  if (family == IpFamily::kV4) return Ipv4Address{{203, 0, 113, n}};
  return Ipv6Address{{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n}};
}

class Script {
 public:
  explicit Script(std::span<const uint8_t> bytes) : in_(bytes) {}

  void run() {
    for (int steps = 0; !in_.empty() && steps < 500; ++steps) step();
  }

 private:
  void step() {
    switch (in_.u8() % 8) {
      case 0:
        return install();
      case 1:
        now_ += Duration(1ms) * int64_t{in_.u16()};
        return tidy();
      case 2:
        return send_raw(true);
      case 3:
        return send_raw(false);
      case 4:
      case 5:
        return exchange();
      case 6:
        return send(true, make_packet(true));
      default:
        return send(false, make_packet(false));
    }
  }

  void tidy() {
    nat_.handle_timeout(now_);
    CONNLIB_CHECK(nat_.poll_timeout().at > now_);
  }

  void install() {
    std::vector<IpAddress> proxies;
    std::vector<IpAddress> resolved;
    for (size_t n = in_.below(9); n > 0; --n) proxies.push_back(proxy(take_family(), in_.u8() % 8));
    for (size_t n = in_.below(5); n > 0; --n) {
      const IpFamily family = take_family();
      const uint8_t what = in_.u8();
      resolved.push_back((what & 0x80) != 0 ? client(family) : real(family, what % 4));
    }
    const char* const names[] = {"a", "b", "c"};
    nat_.install(names[in_.below(3)], proxies, resolved);
    for (const IpAddress& ip : proxies) {
      const auto leads_to = nat_.translations().find(ip);
      if (leads_to) CONNLIB_CHECK(leads_to->family() == ip.family() && is_resolvable(*leads_to));
    }
  }

  IpFamily take_family() { return (in_.u8() & 1) == 0 ? IpFamily::kV4 : IpFamily::kV6; }

  // A packet of the client, or of a resource to it, with few ports so that sessions meet.
  Bytes make_packet(bool is_outbound) {
    const uint8_t what = in_.u8();
    const auto family = (what & 1) == 0 ? IpFamily::kV4 : IpFamily::kV6;
    const uint8_t n = in_.u8() % 8;
    const uint16_t port = in_.u8() % 4;
    const SocketAddress ours{client(family), (what & 2) == 0 ? port : uint16_t(65535 - port)};
    const SocketAddress theirs{is_outbound ? proxy(family, n) : real(family, n % 4), 443};
    const SocketAddress& from = is_outbound ? ours : theirs;
    const SocketAddress& to = is_outbound ? theirs : ours;
    switch (what >> 2 & 3) {
      case 0:
        return testing::udp_packet(from, to, Bytes(in_.u8() & 15));
      case 1:
        return testing::echo_packet(from.ip, to.ip,
                                    {.identifier = ours.port, .is_reply = !is_outbound});
      default:
        return testing::tcp_packet(from, to, {.flags = in_.u8()});
    }
  }

  void send_raw(bool is_outbound) {
    const auto taken = in_.take(in_.u16() % 600);
    send(is_outbound, {taken.begin(), taken.end()});
  }

  // send() gives what came out, if anything did.
  void send(bool is_outbound, Bytes bytes) {
    if (is_outbound) {
      send_out(bytes);
    } else {
      send_in(bytes);
    }
  }

  bool send_out(Bytes& bytes) {
    auto parsed = IpPacket::parse(bytes);
    auto* packet = std::get_if<IpPacket>(&parsed);
    if (packet == nullptr) return false;
    packet->write_checksums();
    const Bytes before = bytes;
    const auto result = nat_.translate_outbound(*packet, now_);
    CONNLIB_CHECK(nat_.sessions().size() <= kLimits.sessions.sessions);
    CONNLIB_CHECK(nat_.sessions().tombstone_count() <= kLimits.sessions.tombstones);
    if (result != GatewayNat::Outbound::kTranslated) {
      CONNLIB_CHECK(bytes == before);
      return false;
    }
    CONNLIB_CHECK(testing::has_right_checksums(bytes));
    CONNLIB_CHECK(is_resolvable(packet->destination()));
    return true;
  }

  std::optional<Bytes> send_in(Bytes& bytes) {
    auto parsed = IpPacket::parse(bytes);
    auto* packet = std::get_if<IpPacket>(&parsed);
    if (packet == nullptr) return std::nullopt;
    packet->write_checksums();
    const IpAddress to = packet->destination();
    const Bytes before = bytes;
    const auto result = nat_.translate_inbound(*packet, now_, scratch_);
    const auto* sent = std::get_if<std::span<uint8_t>>(&result);
    if (sent == nullptr) {
      // A quote may have been edited before it turned out to be of no use; nothing else.
      CONNLIB_CHECK(bytes == before || packet->is_icmp_error());
      return std::nullopt;
    }
    auto again = IpPacket::parse(*sent);
    const auto* out = std::get_if<IpPacket>(&again);
    CONNLIB_CHECK(out != nullptr && testing::has_right_checksums(*sent));
    CONNLIB_CHECK(out->destination() == to);
    CONNLIB_CHECK(nat_.translations().size() <= kLimits.proxies);
    return Bytes(sent->begin(), sent->end());
  }

  // A packet out, and its answer or an error about it back: the client must recognise it.
  void exchange() {
    const Bytes original = make_packet(true);
    Bytes sent = original;
    if (!send_out(sent)) return;
    auto parsed_original = IpPacket::parse(std::span(scratch_copy_ = original));
    const auto& mine = *std::get_if<IpPacket>(&parsed_original);
    Bytes error(IpPacket::kMaxBytes);
    const auto kind = IcmpError::network_unreachable(mine.family());
    error.resize(
        write_icmp_error(kind, {.source = real(mine.family(), 200), .destination = mine.source()},
                         sent, error)
            .size());
    CONNLIB_CHECK(!error.empty());
    auto back = send_in(error);
    // The RST of the packet itself may be a second old by now only when time ran; it did not.
    CONNLIB_CHECK(back.has_value());
    auto parsed_back = IpPacket::parse(*back);
    auto message = parse_icmp_error(*std::get_if<IpPacket>(&parsed_back));
    CONNLIB_CHECK(message.has_value() && message->error == kind);
    const auto quote = message->quoted.bytes();
    CONNLIB_CHECK(std::equal(quote.begin(), quote.end(), original.begin()));
  }

  FuzzInput in_;
  Timestamp now_ = kStart;
  GatewayNat nat_{kStart, kLimits};
  Bytes scratch_ = Bytes(IpPacket::kMaxBytes);
  Bytes scratch_copy_;
};

}  // namespace
}  // namespace connlib::nat

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  connlib::nat::Script(std::span(data, size)).run();
  return 0;
}
