#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "connlib/base/deadline_heap.h"
#include "connlib/gateway/client_on_gateway.h"
#include "snownet/node/peer_id.h"

namespace connlib::gateway {

using snownet::node::PeerId;

// ClientTable owns the clients of a gateway and finds them: by connection for packets from the
// network, by tunnel address for packets from the TUN, by id for the portal. It also knows whose
// deadline comes first. A client that is not here has no grants.
class ClientTable {
 public:
  explicit ClientTable(size_t capacity) : capacity_(capacity) {}

  ClientOnGateway* find(PeerId peer) noexcept;
  ClientOnGateway* find(const IpAddress& tunnel_address) noexcept;
  ClientOnGateway* find(const ClientId& id) noexcept;

  // add() makes a client without grants, under next_peer(), which was never used before. Null when
  // the table is full. Neither its id nor its addresses may be taken: remove() who has them first.
  PeerId next_peer() const;
  ClientOnGateway* add(ClientId id, const TunnelAddresses& addresses, Timestamp now);

  // readdress() starts a known client over under other addresses, which are not taken. Its PeerId,
  // and so its connection, stay.
  ClientOnGateway* readdress(ClientOnGateway& client, const TunnelAddresses& addresses,
                             Timestamp now);
  void remove(PeerId peer);

  // schedule() is to be called when a client's deadlines may have changed.
  void schedule(const ClientOnGateway& client);
  Timestamp scheduled(const ClientOnGateway& client) const noexcept {
    return scheduled_[slot_of(client.peer())];
  }
  Timestamp next_deadline() const { return deadlines_.next_at(); }
  ClientOnGateway* next_due(Timestamp now) noexcept;  // Null when nobody is due.

  // In the order of their ids; good until the next change.
  std::vector<ClientOnGateway*> all();
  size_t size() const { return by_id_.size(); }
  bool is_full() const { return size() >= capacity_; }

 private:
  // A PeerId is the slot below and a serial above, so that finding one is an index.
  static uint32_t slot_of(PeerId peer) { return static_cast<uint32_t>(peer.value()); }

  void set_deadline(uint32_t slot, Timestamp at);
  void register_addresses(const ClientOnGateway& client);
  void unregister_addresses(const ClientOnGateway& client);

  size_t capacity_;
  uint64_t last_serial_ = 0;
  std::vector<std::unique_ptr<ClientOnGateway>> slots_;
  std::vector<uint32_t> free_slots_;
  std::map<ClientId, uint32_t> by_id_;
  absl::flat_hash_map<IpAddress, uint32_t> by_address_;  // Lookup only.
  DeadlineHeap deadlines_;                               // By slot.
  std::vector<Timestamp> scheduled_;                     // By slot.
};

}  // namespace connlib::gateway
