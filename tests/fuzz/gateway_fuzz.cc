// One client of a gateway between a lying peer and a lying portal. A script of grants, lists,
// names, time and whole packets in both directions. What passes is judged by trying every grant.
#include <algorithm>
#include <map>
#include <variant>
#include <vector>

#include "connlib/base/check.h"
#include "connlib/gateway/client_on_gateway.h"
#include "connlib/gateway/internet_ranges.h"
#include "connlib/model/addressing.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/packets.h"

namespace connlib::gateway {
namespace {

using fuzz::FuzzInput;
using testing::Bytes;

constexpr Timestamp kStart = Timestamp::from_nanoseconds(7'777'777'777'777);
constexpr TunnelAddresses kOwn{{{100, 64, 0, 9}}, {{0xfd, 0, 0x20, 0x21, 0x11, 0x11, 9}}};
constexpr TunnelAddresses kClient{{{100, 64, 0, 7}}, {{0xfd, 0, 0x20, 0x21, 0x11, 0x11, 7}}};
const char* const kNames[] = {"a.example.com", "b.example.com", "example.com", "a..b", "*.com"};
const char* const kAddresses[] = {"10.0.0.1",      "10.0.1.1",   "8.8.8.8",    "100.64.0.7",
                                  "100.64.0.8",    "100.64.0.9", "100.96.0.1", "100.96.0.2",
                                  "100.100.111.1", "127.0.0.1",  "224.0.0.1",  "255.255.255.255"};
const char* const kNetworks[] = {"10.0.0.0/8", "10.0.0.0/24", "0.0.0.0/0", "100.64.0.0/10", "::/0"};

class Script {
 public:
  explicit Script(std::span<const uint8_t> bytes) : in_(bytes) {}

  void run() {
    for (int steps = 0; !in_.empty() && steps < 500; ++steps) {
      step();
    }
  }

 private:
  template <size_t N>
  const char* pick(const char* const (&from)[N]) {
    return from[in_.below(N)];
  }
  ResourceId resource_id() {
    return ResourceId(std::string(1, static_cast<char>('a' + in_.below(4))));
  }

  Resource resource() {
    Resource out{.id = resource_id()};
    switch (in_.u8() % 3) {
      case 0:
        out.address = CidrAddress{*IpPrefix::parse(pick(kNetworks))};
        break;
      case 1:
        out.address = DnsAddress{pick(kNames)};
        break;
      default:
        out.address = InternetAddress{};
    }
    for (size_t n = in_.below(3); n > 0; --n) {
      const auto protocol = static_cast<Filter::Protocol>(in_.u8() % 3);
      out.filters.push_back({protocol, in_.u16(), in_.u16()});
    }
    return out;
  }
  Timestamp expiry() {
    return in_.u8() % 4 == 0 ? Timestamp::never() : now_ + Duration(1s) * int64_t{in_.u8()} - 5s;
  }

  void step() {
    switch (in_.u8() % 8) {
      case 0:
        client_.grant({.resource = resource(), .expires_at = expiry()});
        return;
      case 1:
        client_.revoke(resource_id());
        return;
      case 2:
        client_.update_filters(resource());
        return;
      case 3: {
        std::map<ResourceId, Timestamp> listed;
        for (size_t n = in_.below(4); n > 0; --n) listed[resource_id()] = expiry();
        client_.retain(listed);
        return;
      }
      case 4:
        now_ += Duration(1ms) * int64_t{in_.u16()};
        client_.handle_timeout(now_);
        CONNLIB_CHECK(client_.next_deadline() > now_);
        return;
      case 5:
        return install();
      case 6:
        return send(true);
      default:
        return send(false);
    }
  }

  void install() {
    const ResolutionWaiter waiter{
        ClientId("alice"), resource_id(), pick(kNames), {Ipv4Address{{100, 96, 0, in_.u8()}}}};
    const std::vector<IpAddress> found{testing::address(pick(kAddresses))};
    const bool is_installed = client_.install(now_, waiter, found);
    const Grant* grant = client_.grants().find(waiter.resource);
    CONNLIB_CHECK(!is_installed || (grant != nullptr && grant->pattern.has_value()));
  }

  Bytes packet() {
    if (in_.u8() % 8 == 0) {
      const auto raw = in_.take(in_.below(120));
      return {raw.begin(), raw.end()};
    }
    const SocketAddress from{testing::address(pick(kAddresses)), in_.u16()};
    const SocketAddress to{testing::address(pick(kAddresses)), in_.u16()};
    switch (in_.u8() % 3) {
      case 0:
        return testing::tcp_packet(from, to, {.flags = in_.u8()});
      case 1:
        return testing::udp_packet(from, to);
      default:
        return testing::echo_packet(from.ip, to.ip, {.identifier = from.port});
    }
  }

  // Whether some grant that is not over permits the resource's end of a packet.
  bool is_granted(const IpAddress& end, const ClassifiedProtocol& protocol) const {
    const auto& all = client_.grants().all();
    return std::any_of(all.begin(), all.end(), [&](const auto& entry) {
      const Grant& grant = entry.second;
      if (grant.expires_at <= now_ || !grant.filter.permits(protocol)) return false;
      if (std::holds_alternative<DnsAddress>(grant.resource.address))
        return kProxyRange.contains(end);
      if (kProxyRange.contains(end)) return false;
      if (std::holds_alternative<InternetAddress>(grant.resource.address)) return is_internet(end);
      return std::get<CidrAddress>(grant.resource.address).network.contains(end);
    });
  }

  void send(bool is_from_client) {
    Bytes bytes = packet();
    auto parsed = IpPacket::parse(bytes);
    auto* view = std::get_if<IpPacket>(&parsed);
    if (view == nullptr) return;
    const IpAddress source = view->source();
    const IpAddress destination = view->destination();
    if (!is_from_client) {
      if (view->is_icmp_error()) {
        Bytes out(IpPacket::kMaxBytes);
        client_.admit_inbound_error(now_, kOwn, *view, out);
        return;
      }
      const auto admission = client_.admit_inbound(now_, kOwn, *view);
      if (std::holds_alternative<Unroutable>(admission) || kOwn.contains(source)) return;
      CONNLIB_CHECK(!kPeerRange.contains(source));
      CONNLIB_CHECK(is_granted(view->source(), view->source_protocol()));
      return;
    }
    const auto protocol = view->destination_protocol();
    if (std::holds_alternative<Unroutable>(client_.admit_outbound(now_, kOwn, *view))) return;
    CONNLIB_CHECK(kClient.contains(source));
    if (kOwn.contains(destination)) return;
    CONNLIB_CHECK(!kPeerRange.contains(destination));
    CONNLIB_CHECK(is_granted(destination, protocol));
    CONNLIB_CHECK(!kProxyRange.contains(view->destination()));
    CONNLIB_CHECK(!kPeerRange.contains(view->destination()));
  }

  FuzzInput in_;
  Timestamp now_ = kStart;
  ClientOnGateway client_{snownet::node::PeerId(1), ClientId("alice"), kClient, kStart};
};

}  // namespace
}  // namespace connlib::gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  connlib::gateway::Script({data, size}).run();
  return 0;
}
