#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <utility>
#include <variant>

#include "connlib/base/ip.h"
#include "connlib/base/random_source.h"
#include "connlib/base/timestamp.h"
#include "tests/sim/datagram.h"
#include "tests/sim/dependence.h"

namespace connlib::sim {

enum class PortAssignment : uint8_t {
  kPreserving,  // The inner port when it is free outside, else a random one.
  kRandom,
};

// NatBehaviour describes a NAT in the words of RFC 4787.
struct NatBehaviour {
  const char* name = "custom";
  Dependence mapping = Dependence::kEndpointIndependent;
  Dependence filtering = Dependence::kAddressAndPortDependent;
  PortAssignment ports = PortAssignment::kPreserving;
  Duration expiry = 120s;          // RFC 4787 REQ-5: two minutes at least; many have 30 s.
  bool inbound_refreshes = false;  // The mapping, never the filter. Outbound always does (REQ-6).
  bool hairpins = false;           // REQ-9.
  size_t max_mappings = 4096;      // At the limit new flows are dropped; old ones live on.
};

// The kinds that people name, from friendly to hostile.
inline constexpr NatBehaviour kFullCone{.name = "full-cone",
                                        .filtering = Dependence::kEndpointIndependent};
inline constexpr NatBehaviour kAddressRestricted{.name = "address-restricted",
                                                 .filtering = Dependence::kAddressDependent};
inline constexpr NatBehaviour kPortRestricted{.name = "port-restricted"};
inline constexpr NatBehaviour kSymmetric{.name = "symmetric",
                                         .mapping = Dependence::kAddressAndPortDependent,
                                         .ports = PortAssignment::kRandom};

// Nat translates UDP between inner sockets and ports of one outer IPv4 address. Nothing that
// arrives from outside creates state or takes a port, port forwards aside: a NAT that tracks
// unsolicited datagrams steals the port that hole punching needs.
class Nat {
 public:
  static constexpr size_t kMaxAdmitted = 1024;  // Remote ends per filter; the one due first goes.
  static constexpr uint16_t kFirstPort = 1024;

  Nat(NatBehaviour behaviour, IpAddress outer, SeededRandom random)
      : behaviour_(behaviour), outer_(outer), random_(std::move(random)) {}

  using Translation = std::variant<SocketAddress, DropReason>;

  // The outer source of a datagram from `inner` to `remote`, which opens or refreshes the mapping.
  Translation translate_outbound(Timestamp now, const SocketAddress& inner,
                                 const SocketAddress& remote);

  // The inner destination of a datagram from `remote` to `outer_port`.
  Translation translate_inbound(Timestamp now, const SocketAddress& remote, uint16_t outer_port);

  // forward() opens `outer_port` to everybody (a user's port forward; survives reboots).
  void forward(uint16_t outer_port, const SocketAddress& inner) { forwards_[outer_port] = inner; }

  // reboot() forgets all mappings; running flows get new ports where ports are random.
  void reboot();

  // set_behaviour() replaces the box by another one at the same address.
  void set_behaviour(const NatBehaviour& behaviour);
  const NatBehaviour& behaviour() const { return behaviour_; }

  const IpAddress& outer() const { return outer_; }
  size_t live_mappings(Timestamp now) const;

 private:
  struct Flow {
    SocketAddress inner;
    SocketAddress remote;  // As far as the mapping depends on it.
    friend auto operator<=>(const Flow&, const Flow&) = default;
  };
  struct Mapping {
    uint16_t outer_port = 0;
    Timestamp expires_at;
    std::map<SocketAddress, Timestamp> admitted;  // Remote, as far as filtering depends on it.
  };

  Mapping* find_or_open(Timestamp now, const Flow& flow);
  bool make_room(Timestamp now);
  uint16_t free_port(uint16_t wanted);
  bool is_free(uint16_t port) const;
  void admit(Timestamp now, Mapping& mapping, const SocketAddress& remote);

  NatBehaviour behaviour_;
  IpAddress outer_;
  SeededRandom random_;
  std::map<Flow, Mapping> mappings_;
  std::map<uint16_t, Flow> by_port_;
  std::map<uint16_t, SocketAddress> forwards_;
  std::map<Flow, std::pair<uint16_t, Timestamp>> forwarded_;  // Answers leave by the same port.
};

}  // namespace connlib::sim
