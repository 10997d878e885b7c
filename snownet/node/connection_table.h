#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "connlib/base/deadline_heap.h"
#include "snownet/node/connection.h"

namespace connlib::snownet::node {

// ConnectionTable owns the connections and every name they are found by: peer, tunnel, and the user
// fragments of both ends. A connection enters and leaves all of them at once. It also knows which
// one wants to be woken first.
class ConnectionTable {
 public:
  // next_ref() is for the identity of the connection that is add()ed next.
  ConnectionRef next_ref() const;
  Connection& add(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> remove(Connection& connection);

  Connection* find(PeerId peer) { return at(by_peer_, peer); }
  const Connection* find(PeerId peer) const;
  Connection* find(wireguard::PeerId tunnel) const {
    return tunnel.value() < by_tunnel_.size() ? by_tunnel_[tunnel.value()] : nullptr;
  }
  // `username` is that of a check: our user fragment, a colon, theirs. Ours alone may occur twice:
  // portals draw four characters.
  Connection* find_username(std::string_view username);
  Connection* find(ConnectionRef ref) const;
  static std::string username_of(const ConnectionOptions& options);
  static std::string username_of(const Connection& connection);

  // settle() is to be called when the deadline of `connection` may have changed.
  void settle(const Connection& connection);
  Wakeup poll_timeout() const;
  // take_due() is whoever is due, earliest first; each must be settled again.
  std::vector<Connection*> take_due(Timestamp now);

  // In the order of their slots; null where none is.
  const std::vector<std::unique_ptr<Connection>>& slots() const { return slots_; }
  size_t size() const { return by_peer_.size(); }

 private:
  template <typename Map, typename Key>
  Connection* at(Map& map, const Key& key) {
    const auto it = map.find(key);
    return it == map.end() ? nullptr : slots_[it->second].get();
  }

  std::vector<std::unique_ptr<Connection>> slots_;
  std::vector<uint32_t> free_;
  absl::flat_hash_map<PeerId, uint32_t> by_peer_;           // Lookup only.
  absl::flat_hash_map<std::string, uint32_t> by_username_;  // Lookup only.
  std::vector<Connection*> by_tunnel_;                      // Tunnels are small and dense.
  DeadlineHeap deadlines_;
  uint64_t last_serial_ = 0;
};

}  // namespace connlib::snownet::node
