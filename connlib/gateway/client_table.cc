#include "connlib/gateway/client_table.h"

#include <utility>

#include "connlib/base/check.h"

namespace connlib::gateway {

ClientOnGateway* ClientTable::find(PeerId peer) noexcept {
  const uint32_t slot = slot_of(peer);
  if (slot >= slots_.size() || slots_[slot] == nullptr) return nullptr;
  return slots_[slot]->peer() == peer ? slots_[slot].get() : nullptr;
}

ClientOnGateway* ClientTable::find(const IpAddress& tunnel_address) noexcept {
  const auto known = by_address_.find(tunnel_address);
  return known == by_address_.end() ? nullptr : slots_[known->second].get();
}

ClientOnGateway* ClientTable::find(const ClientId& id) noexcept {
  const auto known = by_id_.find(id);
  return known == by_id_.end() ? nullptr : slots_[known->second].get();
}

PeerId ClientTable::next_peer() const {
  const uint64_t slot = free_slots_.empty() ? slots_.size() : free_slots_.back();
  return PeerId((last_serial_ + 1) << 32 | slot);
}

ClientOnGateway* ClientTable::add(ClientId id, const TunnelAddresses& addresses, Timestamp now) {
  CONNLIB_CHECK(find(id) == nullptr);
  if (is_full()) return nullptr;
  const PeerId peer = next_peer();
  const uint32_t slot = slot_of(peer);
  ++last_serial_;
  if (free_slots_.empty()) {
    slots_.emplace_back();
    scheduled_.push_back(Timestamp::never());
  } else {
    free_slots_.pop_back();
  }
  by_id_.emplace(id, slot);
  slots_[slot] = std::make_unique<ClientOnGateway>(peer, std::move(id), addresses, now);
  register_addresses(*slots_[slot]);
  return slots_[slot].get();
}

ClientOnGateway* ClientTable::readdress(ClientOnGateway& client, const TunnelAddresses& addresses,
                                        Timestamp now) {
  const PeerId peer = client.peer();
  const uint32_t slot = slot_of(peer);
  ClientId id = client.id();
  unregister_addresses(client);
  slots_[slot] = std::make_unique<ClientOnGateway>(peer, std::move(id), addresses, now);
  register_addresses(*slots_[slot]);
  schedule(*slots_[slot]);
  return slots_[slot].get();
}

void ClientTable::remove(PeerId peer) {
  ClientOnGateway* client = find(peer);
  if (client == nullptr) return;
  const uint32_t slot = slot_of(peer);
  set_deadline(slot, Timestamp::never());
  unregister_addresses(*client);
  by_id_.erase(client->id());
  slots_[slot].reset();
  free_slots_.push_back(slot);
}

void ClientTable::schedule(const ClientOnGateway& client) {
  set_deadline(slot_of(client.peer()), client.next_deadline());
}

void ClientTable::set_deadline(uint32_t slot, Timestamp at) {
  deadlines_.set(slot, at);
  scheduled_[slot] = at;
}

ClientOnGateway* ClientTable::next_due(Timestamp now) noexcept {
  if (deadlines_.empty() || deadlines_.next_at() > now) return nullptr;
  return slots_[deadlines_.next_id()].get();
}

std::vector<ClientOnGateway*> ClientTable::all() {
  std::vector<ClientOnGateway*> out;
  out.reserve(by_id_.size());
  for (const auto& [id, slot] : by_id_) out.push_back(slots_[slot].get());
  return out;
}

void ClientTable::register_addresses(const ClientOnGateway& client) {
  const uint32_t slot = slot_of(client.peer());
  for (const IpFamily family : {IpFamily::kV4, IpFamily::kV6}) {
    const bool is_free = by_address_.emplace(client.addresses().of(family), slot).second;
    CONNLIB_CHECK(is_free);
  }
}

void ClientTable::unregister_addresses(const ClientOnGateway& client) {
  for (const IpFamily family : {IpFamily::kV4, IpFamily::kV6}) {
    by_address_.erase(client.addresses().of(family));
  }
}

}  // namespace connlib::gateway
