#include "snownet/node/connection_table.h"

#include <utility>

#include <absl/strings/str_cat.h>

#include "connlib/base/check.h"

namespace connlib::snownet::node {

std::string ConnectionTable::username_of(const ConnectionOptions& options) {
  return absl::StrCat(options.local.ufrag(), ":", options.remote.ufrag());
}

std::string ConnectionTable::username_of(const Connection& connection) {
  const ice::IceAgent& agent = connection.agent();
  return absl::StrCat(agent.local_credentials().ufrag(), ":", agent.remote_credentials()->ufrag());
}

ConnectionRef ConnectionTable::next_ref() const {
  const auto slot = free_.empty() ? static_cast<uint32_t>(slots_.size()) : free_.back();
  return {slot, last_serial_ + 1};
}

Connection& ConnectionTable::add(std::unique_ptr<Connection> connection) {
  const uint32_t slot = connection->ref().slot;
  CONNLIB_CHECK(slot == next_ref().slot && connection->ref().serial == next_ref().serial);
  last_serial_ = connection->ref().serial;
  if (free_.empty()) {
    slots_.emplace_back();
  } else {
    free_.pop_back();
  }
  Connection& added = *(slots_[slot] = std::move(connection));
  const uint32_t tunnel = added.tunnel().value();
  if (tunnel >= by_tunnel_.size()) by_tunnel_.resize(size_t{tunnel} + 1, nullptr);
  by_tunnel_[tunnel] = &added;
  CONNLIB_CHECK(by_peer_.emplace(added.peer(), slot).second);
  CONNLIB_CHECK(by_username_.emplace(username_of(added), slot).second);
  return added;
}

std::unique_ptr<Connection> ConnectionTable::remove(Connection& connection) {
  const uint32_t slot = connection.ref().slot;
  by_peer_.erase(connection.peer());
  by_username_.erase(username_of(connection));
  by_tunnel_[connection.tunnel().value()] = nullptr;
  deadlines_.set(slot, Timestamp::never());
  free_.push_back(slot);
  return std::exchange(slots_[slot], nullptr);
}

const Connection* ConnectionTable::find(PeerId peer) const {
  const auto it = by_peer_.find(peer);
  return it == by_peer_.end() ? nullptr : slots_[it->second].get();
}

Connection* ConnectionTable::find_username(std::string_view username) {
  return at(by_username_, absl::string_view(username.data(), username.size()));
}

Connection* ConnectionTable::find(ConnectionRef ref) const {
  if (ref.slot >= slots_.size() || !slots_[ref.slot]) return nullptr;
  Connection* tenant = slots_[ref.slot].get();
  return tenant->ref().serial == ref.serial ? tenant : nullptr;
}

void ConnectionTable::settle(const Connection& connection) {
  deadlines_.set(connection.ref().slot, connection.poll_timeout().at);
}

Wakeup ConnectionTable::poll_timeout() const {
  if (deadlines_.empty()) return Wakeup::none();
  // The heap's instant, even if packets have moved the connection's own deadline since: early.
  return {deadlines_.next_at(), slots_[deadlines_.next_id()]->poll_timeout().reason};
}

std::vector<Connection*> ConnectionTable::take_due(Timestamp now) {
  std::vector<Connection*> due;
  while (deadlines_.next_at() <= now) {
    due.push_back(slots_[deadlines_.next_id()].get());
    deadlines_.set(deadlines_.next_id(), Timestamp::never());
  }
  return due;
}

}  // namespace connlib::snownet::node
