#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/packet/ip_packet.h"
#include "tests/tunnel/packets.h"
#include "tests/tunnel/system/questions.h"
#include "tests/tunnel/system/system.h"

// What the stories of this folder have in common.
namespace connlib::tunnel {

inline Resource on_wire(Resource resource) {
  resource.id = ResourceId(uuid(resource.id.value()));
  for (Site& site : resource.sites) site.id = SiteId(uuid(site.id.value()));
  return resource;
}
inline Resource network(const char* id, const char* address, std::vector<Filter> filters = {}) {
  return on_wire(cidr(id, address, std::move(filters)));
}
inline Resource dns_resource(const char* id, const char* pattern, std::vector<Filter> filters = {},
                             IpStack stack = IpStack::kDual) {
  return on_wire(resource(id, DnsAddress{pattern, stack}, std::move(filters)));
}

// Story is a started system and the view of whoever sits at client 0.
struct Story : System {
  explicit Story(SystemOptions options = {}) : System(std::move(options)) { start(); }

  // ask() sends `packet` and gives what comes back for it within the limit: nothing, one packet or
  // more.
  std::vector<Bytes> ask(const Bytes& packet, Duration limit = 10s, size_t client = 0) {
    received(client).clear();
    remote.arrivals.clear();
    send(client, packet);
    (void)world.run_until([&] { return !received(client).empty(); }, limit);
    world.run_for(500ms);  // Whatever else there is.
    return std::exchange(received(client), {});
  }

  // The addresses that stand for a name.
  std::vector<IpAddress> look_up(const std::string& name,
                                 dns::RecordType type = dns::RecordType::kA, size_t client = 0) {
    const auto answers =
        ask(testing::udp_packet({clients[client].addresses.ipv4, 41000},
                                {clients[client]->tun_config->dns.at(0).sentinel, 53},
                                make_query(name, type, 77)),
            2s, client);
    if (answers.size() != 1) return {};
    Bytes copy = answers[0];
    auto parsed = IpPacket::parse(copy);
    const auto answer = read_answer(std::get<IpPacket>(parsed).udp()->payload());
    return answer ? answer->addresses : std::vector<IpAddress>{};
  }

  // Who was reached last, behind which gateway.
  IpAddress reached() const {
    REQUIRE(remote.arrivals.size() == 1);
    Bytes copy = remote.arrivals[0].packet;
    auto parsed = IpPacket::parse(copy);
    return std::get<IpPacket>(parsed).destination();
  }
};

// A datagram of client 0's application, and its echo.
inline Bytes datagram(const IpAddress& destination, uint16_t port = 443, uint16_t source = 40000) {
  const IpAddress us = destination.is_v4() ? IpAddress(kClientV4) : IpAddress(tunnel_v6(7));
  return testing::udp_packet({us, source}, {destination, port}, {1, 2, 3});
}
inline Bytes echo_of(const IpAddress& destination, uint16_t port = 443, uint16_t source = 40000) {
  const IpAddress us = destination.is_v4() ? IpAddress(kClientV4) : IpAddress(tunnel_v6(7));
  return testing::udp_packet({destination, port}, {us, source}, {1, 2, 3});
}

inline std::vector<Bytes> only(Bytes packet) { return std::vector<Bytes>(1, std::move(packet)); }

inline std::pair<int, int> icmp_kind(const std::vector<Bytes>& packets) {
  if (packets.size() != 1) return {-1, static_cast<int>(packets.size())};
  const Bytes& packet = packets[0];
  if (packet[0] >> 4 == 4) return icmp_of(packet);
  return packet[6] == 58 ? std::pair<int, int>(packet[40], packet[41]) : std::pair(0, 0);
}

}  // namespace connlib::tunnel
