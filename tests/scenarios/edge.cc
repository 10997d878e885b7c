#include "tests/scenarios/edge.h"

namespace connlib::scenarios {
namespace {

constexpr uint16_t kRelayPort = 3478;
constexpr sim::LinkConditions kUplink{.latency = 1ms};  // The host's cable has the latency.

// A relay admits exact sockets that were told to it. So it helps whoever's socket, as the relay
// sees it, is the one that was signalled; not one whose NAT draws a port per destination, and not
// one that reaches nobody but relays' listening ports.
bool can_be_relayed_to(const Edge& edge) {
  return !edge.is_symmetric() && !edge.reaches_only_relays;
}

sim::Families families(const Edge& edge) {
  if (edge.has_v4 && edge.has_v6) return sim::Families::kDual;
  return edge.has_v4 ? sim::Families::kV4Only : sim::Families::kV6Only;
}

}  // namespace

const char* name(PathKind kind) {
  switch (kind) {
    case PathKind::kDirect:
      return "direct";
    case PathKind::kRelayed:
      return "relayed";
    case PathKind::kRelayToRelay:
      return "relay-relay";
  }
  return "unknown";
}

PathKind expected_path(const Edge& a, const Edge& b) {
  const bool share_v6 = a.has_v6 && b.has_v6;
  const bool share_v4 = a.has_v4 && b.has_v4;
  const bool is_blocked = a.reaches_only_relays || b.reaches_only_relays;
  // The hole in a port filter has to be made for a port that nobody knows before it is used.
  const bool cannot_punch =
      (a.is_symmetric() && b.filters_ports()) || (b.is_symmetric() && a.filters_ports());
  if (share_v6 || (share_v4 && !is_blocked && !cannot_punch)) return PathKind::kDirect;
  if (can_be_relayed_to(a) || can_be_relayed_to(b)) return PathKind::kRelayed;
  return PathKind::kRelayToRelay;
}

namespace {

// The routers of an edge, and the place behind them.
struct Place {
  sim::InterfaceConfig interface;
  std::optional<sim::SiteId> site;
};

Place build(sim::World& world, const Edge& edge, const std::string& name,
            const sim::LinkConditions& cable) {
  if (!edge.nat && !edge.has_firewall) {
    return {{.families = families(edge), .link = cable}, std::nullopt};
  }
  sim::SiteConfig site{.name = name + "'s site", .nat = edge.nat, .link = kUplink};
  if (edge.is_double) {
    site.parent = world.add_site({.name = name + "'s carrier", .nat = edge.nat, .link = kUplink});
  }
  if (edge.reaches_only_relays) site.only_udp_port = kRelayPort;
  if (edge.has_firewall) site.firewall = sim::FirewallBehaviour{};
  const sim::SiteId id = world.add_site(std::move(site));
  return {{.site = id, .families = families(edge), .link = cable}, id};
}

}  // namespace

PluggedIn plug_in(sim::World& world, const Edge& edge, const std::string& name,
                  const sim::LinkConditions& cable) {
  const Place place = build(world, edge, name, cable);
  return {world.add_host(name, place.interface), place.site, edge.nat.has_value()};
}

PluggedIn move_to(sim::World& world, const Edge& edge, sim::HostId host,
                  const sim::LinkConditions& cable) {
  const Place place = build(world, edge, world.network().name(host), cable);
  world.network().move(host, place.interface);
  return {host, place.site, edge.nat.has_value()};
}

}  // namespace connlib::scenarios
