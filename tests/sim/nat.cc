#include "tests/sim/nat.h"

#include <algorithm>

namespace connlib::sim {

Nat::Translation Nat::translate_outbound(Timestamp now, const SocketAddress& inner,
                                         const SocketAddress& remote) {
  const auto answered = forwarded_.find({inner, remote});
  if (answered != forwarded_.end() && answered->second.second > now) {
    answered->second.second = now + behaviour_.expiry;
    return SocketAddress{outer_, answered->second.first};
  }
  Mapping* mapping = find_or_open(now, {inner, relevant_part(behaviour_.mapping, remote)});
  if (mapping == nullptr) return DropReason::kNatTableFull;
  mapping->expires_at = now + behaviour_.expiry;
  admit(now, *mapping, remote);
  return SocketAddress{outer_, mapping->outer_port};
}

Nat::Translation Nat::translate_inbound(Timestamp now, const SocketAddress& remote,
                                        uint16_t outer_port) {
  const auto forward = forwards_.find(outer_port);
  if (forward != forwards_.end()) {
    std::erase_if(forwarded_, [&](const auto& entry) { return entry.second.second <= now; });
    if (forwarded_.size() >= behaviour_.max_mappings) return DropReason::kNatTableFull;
    forwarded_[{forward->second, remote}] = {outer_port, now + behaviour_.expiry};
    return forward->second;
  }
  const auto flow = by_port_.find(outer_port);
  if (flow == by_port_.end()) return DropReason::kNoMapping;
  Mapping& mapping = mappings_.at(flow->second);
  if (mapping.expires_at <= now) return DropReason::kNoMapping;
  if (behaviour_.filtering != Dependence::kEndpointIndependent) {
    const auto admitted = mapping.admitted.find(relevant_part(behaviour_.filtering, remote));
    if (admitted == mapping.admitted.end() || admitted->second <= now) return DropReason::kFiltered;
  }
  if (behaviour_.inbound_refreshes) mapping.expires_at = now + behaviour_.expiry;
  return flow->second.inner;
}

void Nat::reboot() {
  mappings_.clear();
  by_port_.clear();
  forwarded_.clear();
}

void Nat::set_behaviour(const NatBehaviour& behaviour) {
  behaviour_ = behaviour;
  reboot();
}

size_t Nat::live_mappings(Timestamp now) const {
  return static_cast<size_t>(
      std::count_if(mappings_.begin(), mappings_.end(),
                    [&](const auto& entry) { return entry.second.expires_at > now; }));
}

// A cone NAT's mapping that lapsed keeps its port in reserve and gets it back when the inner socket
// sends again. An endpoint-dependent one starts afresh.
Nat::Mapping* Nat::find_or_open(Timestamp now, const Flow& flow) {
  const auto known = mappings_.find(flow);
  if (known != mappings_.end()) {
    Mapping& mapping = known->second;
    if (mapping.expires_at > now) return &mapping;
    if (behaviour_.mapping == Dependence::kEndpointIndependent) return &mapping;
    by_port_.erase(mapping.outer_port);
    mappings_.erase(known);
  }
  if (!make_room(now)) return nullptr;
  const uint16_t port = free_port(flow.inner.port);
  by_port_[port] = flow;
  Mapping& mapping = mappings_[flow];
  mapping.outer_port = port;
  return &mapping;
}

bool Nat::make_room(Timestamp now) {
  if (mappings_.size() < behaviour_.max_mappings) return true;
  std::erase_if(by_port_,
                [&](const auto& entry) { return mappings_.at(entry.second).expires_at <= now; });
  std::erase_if(mappings_, [&](const auto& entry) { return entry.second.expires_at <= now; });
  return mappings_.size() < behaviour_.max_mappings;
}

uint16_t Nat::free_port(uint16_t wanted) {
  if (behaviour_.ports == PortAssignment::kPreserving && is_free(wanted)) return wanted;
  for (;;) {
    const auto port = static_cast<uint16_t>(kFirstPort + random_.below(65536 - kFirstPort));
    if (is_free(port)) return port;
  }
}

bool Nat::is_free(uint16_t port) const {
  return !by_port_.contains(port) && !forwards_.contains(port);
}

void Nat::admit(Timestamp now, Mapping& mapping, const SocketAddress& remote) {
  if (behaviour_.filtering == Dependence::kEndpointIndependent) return;
  auto& admitted = mapping.admitted;
  admitted[relevant_part(behaviour_.filtering, remote)] = now + behaviour_.expiry;
  if (admitted.size() <= kMaxAdmitted) return;
  admitted.erase(
      std::min_element(admitted.begin(), admitted.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; }));
}

}  // namespace connlib::sim
