#include "connlib/routing/packet_filter.h"

#include <algorithm>

namespace connlib::routing {

std::optional<Filter::Protocol> filter_protocol(const ClassifiedProtocol& protocol) noexcept {
  if (const auto* known = std::get_if<Protocol>(&protocol)) {
    switch (known->kind) {
      case Protocol::Kind::kTcp:
        return Filter::Protocol::kTcp;
      case Protocol::Kind::kUdp:
        return Filter::Protocol::kUdp;
      case Protocol::Kind::kIcmpEcho:
        return Filter::Protocol::kIcmp;
    }
  }
  const auto* unsupported = std::get_if<UnsupportedProtocol>(&protocol);
  if (unsupported == nullptr || *unsupported == UnsupportedProtocol::kIpPayload) {
    return std::nullopt;
  }
  return Filter::Protocol::kIcmp;
}

PacketFilter::PacketFilter(std::span<const Filter> filters) { add(filters); }

PacketFilter PacketFilter::permit_nothing() { return {}; }

void PacketFilter::add(std::span<const Filter> filters) {
  permits_all_ = permits_all_ || filters.empty();
  for (const Filter& filter : filters) {
    switch (filter.protocol) {
      case Filter::Protocol::kTcp:
        add_range({filter.first_port, filter.last_port}, tcp_);
        break;
      case Filter::Protocol::kUdp:
        add_range({filter.first_port, filter.last_port}, udp_);
        break;
      case Filter::Protocol::kIcmp:
        permits_icmp_ = true;
        break;
    }
  }
}

void PacketFilter::add_range(const PortRange& range, Ranges& to) {
  if (range.last < range.first) return;
  PortRange merged = range;
  // What touches the new range melts into it.
  std::erase_if(to, [&](const PortRange& other) {
    const bool is_apart = other.first > merged.last || other.last < merged.first;
    if (is_apart) return false;
    merged.first = std::min(merged.first, other.first);
    merged.last = std::max(merged.last, other.last);
    return true;
  });
  const auto at = std::find_if(to.begin(), to.end(),
                               [&](const PortRange& other) { return other.first > merged.last; });
  to.insert(at, merged);
}

bool PacketFilter::contains(const Ranges& ranges, uint16_t port) noexcept {
  const auto after = std::upper_bound(
      ranges.begin(), ranges.end(), port,
      [](uint16_t wanted, const PortRange& range) { return wanted < range.first; });
  return after != ranges.begin() && port <= std::prev(after)->last;
}

bool PacketFilter::permits(const ClassifiedProtocol& protocol) const noexcept {
  if (permits_all_) return true;
  const auto kind = filter_protocol(protocol);
  if (!kind) return false;
  if (*kind == Filter::Protocol::kIcmp) return permits_icmp_;
  const auto* known = std::get_if<Protocol>(&protocol);
  return contains(*kind == Filter::Protocol::kTcp ? tcp_ : udp_, known->value);
}

}  // namespace connlib::routing
