#pragma once

#include <optional>

#include "tests/sim/world.h"

namespace connlib::scenarios {

// Edge is how a host is connected to the Internet. All but the first and the last have IPv4 alone,
// or else IPv6 would make every pairing a direct one.
struct Edge {
  const char* name = "open";
  std::optional<sim::NatBehaviour> nat = std::nullopt;
  bool is_double = false;  // The same NAT once more at the carrier's.
  bool reaches_only_relays = false;
  bool has_v4 = true;
  bool has_v6 = false;
  bool has_firewall = false;  // Stateful, for what is not translated.

  bool is_symmetric() const {
    return nat && nat->mapping == sim::Dependence::kAddressAndPortDependent;
  }
  bool filters_ports() const {
    return nat && nat->filtering == sim::Dependence::kAddressAndPortDependent;
  }
};

inline constexpr Edge kOpen{.has_v6 = true};
inline constexpr Edge kOpenV4{.name = "open, IPv4"};
inline constexpr Edge kFullCone{.name = "full cone", .nat = sim::kFullCone};
inline constexpr Edge kAddressRestricted{.name = "address-restricted",
                                         .nat = sim::kAddressRestricted};
inline constexpr Edge kPortRestricted{.name = "port-restricted", .nat = sim::kPortRestricted};
inline constexpr Edge kSymmetric{.name = "symmetric", .nat = sim::kSymmetric};
inline constexpr Edge kDoubleNat{
    .name = "double NAT", .nat = sim::kPortRestricted, .is_double = true};
inline constexpr Edge kRelaysOnly{
    .name = "relays only", .nat = sim::kPortRestricted, .reaches_only_relays = true};
inline constexpr Edge kStatefulV6{
    .name = "IPv6 stateful", .has_v4 = false, .has_v6 = true, .has_firewall = true};

// Ports by destination, but open to everybody: each relay shows another mapped address, and each of
// them is good for a peer.
inline constexpr Edge kManyPorts{
    .name = "a port per destination, unfiltered",
    .nat = sim::NatBehaviour{.name = "many-ports",
                             .mapping = sim::Dependence::kAddressAndPortDependent,
                             .filtering = sim::Dependence::kEndpointIndependent,
                             .ports = sim::PortAssignment::kRandom}};

// PathKind is how many of the two ends of a path are relays.
enum class PathKind : uint8_t { kDirect, kRelayed, kRelayToRelay };
const char* name(PathKind kind);

// expected_path() is the best path that the rules of NATs allow between two edges.
PathKind expected_path(const Edge& a, const Edge& b);

// PluggedIn is a host behind its edge; `site` is the router next to it, if there is one.
struct PluggedIn {
  sim::HostId host;
  std::optional<sim::SiteId> site;
  bool has_nat = false;  // Whether that router translates.
};

// plug_in() builds the edge and a host behind it; the host's cable is like `cable` each way.
PluggedIn plug_in(sim::World& world, const Edge& edge, const std::string& name,
                  const sim::LinkConditions& cable);

// move_to() builds the edge and takes a host that exists there. Where it was it is not any more.
PluggedIn move_to(sim::World& world, const Edge& edge, sim::HostId host,
                  const sim::LinkConditions& cable);

}  // namespace connlib::scenarios
