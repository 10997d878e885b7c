#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "connlib/client/unique_packet_buffer.h"
#include "connlib/nat/domain_key.h"

namespace connlib::client {

// HeldPackets keeps what goes to a name that its gateway does not translate yet (spec tunnel 4.3).
// nat::ClientNat says what to hold, and when to release or discard it.
class HeldPackets {
 public:
  explicit HeldPackets(size_t per_domain) : per_domain_(per_domain) {}

  void push(const nat::DomainKey& key, std::span<const uint8_t> packet) {
    held_.try_emplace(key, per_domain_).first->second.push(packet);
  }
  std::vector<UniquePacketBuffer::Packet> take(const nat::DomainKey& key) {
    auto node = held_.extract(key);
    return node.empty() ? std::vector<UniquePacketBuffer::Packet>() : node.mapped().take();
  }
  void drop(const GatewayId& gateway) {
    std::erase_if(held_, [&](const auto& held) { return held.first.gateway == gateway; });
  }
  void drop(const ResourceId& resource) {
    std::erase_if(held_, [&](const auto& held) { return held.first.resource == resource; });
  }

 private:
  size_t per_domain_;
  std::map<nat::DomainKey, UniquePacketBuffer, nat::DomainKeyLess> held_;
};

}  // namespace connlib::client
