#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "connlib/model/filter.h"
#include "connlib/packet/protocol.h"

namespace connlib::routing {

// PacketFilter is a list of filters made ready for packets: per protocol, disjoint port ranges in
// order. connlib::permits() defines what it must answer; this answers without walking the list.
class PacketFilter {
 public:
  // An empty list permits everything, protocols other than TCP, UDP and ICMP included (spec tunnel
  // 6.3).
  explicit PacketFilter(std::span<const Filter> filters);

  // permit_nothing() is where a union starts: whoever holds no resource may do nothing.
  static PacketFilter permit_nothing();

  // add() permits besides what `filters` permit: the union of several resources (spec tunnel 7.1).
  void add(std::span<const Filter> filters);

  // permits() takes the protocol of the resource's end: the destination on the way there, the
  // source on the way back. ICMP is admitted as a whole, errors and all.
  bool permits(const ClassifiedProtocol& protocol) const noexcept;

 private:
  struct PortRange {
    uint16_t first;
    uint16_t last;
  };
  using Ranges = std::vector<PortRange>;

  PacketFilter() = default;
  static void add_range(const PortRange& range, Ranges& to);
  static bool contains(const Ranges& ranges, uint16_t port) noexcept;

  bool permits_all_ = false;
  bool permits_icmp_ = false;
  Ranges tcp_;
  Ranges udp_;
};

// filter_protocol() is what the filters of connlib/model know a packet by: nullopt for any protocol
// that they cannot name.
std::optional<Filter::Protocol> filter_protocol(const ClassifiedProtocol& protocol) noexcept;

}  // namespace connlib::routing
