#include "snownet/node/recently_disconnected.h"

#include <utility>

#include "snownet/node/limits.h"

namespace connlib::snownet::node {
namespace {

template <typename Map, typename Key>
void release(Map& map, const Key& key) {
  const auto it = map.find(key);
  if (it != map.end() && --it->second == 0) map.erase(it);
}

}  // namespace

void RecentlyDisconnected::add(Timestamp now, Names names) {
  expire(now);
  if (in_order_.size() == kMaxRecent) forget_oldest();
  ++peers_[names.peer];
  ++usernames_[names.username];
  for (const wireguard::SessionIndex index : names.indices) ++indices_[index];
  in_order_.push_back({std::move(names), now + kRecentMemory});
}

bool RecentlyDisconnected::knows(Timestamp now, PeerId peer) {
  expire(now);
  return peers_.contains(peer);
}

bool RecentlyDisconnected::knows_username(Timestamp now, std::string_view username) {
  expire(now);
  return usernames_.contains(absl::string_view(username.data(), username.size()));
}

bool RecentlyDisconnected::knows_index(Timestamp now, wireguard::SessionIndex index) {
  expire(now);
  return indices_.contains(index);
}

void RecentlyDisconnected::expire(Timestamp now) {
  while (!in_order_.empty() && in_order_.front().forgotten_at <= now) forget_oldest();
}

void RecentlyDisconnected::forget_oldest() {
  const Names& names = in_order_.front().names;
  release(peers_, names.peer);
  release(usernames_, names.username);
  for (const wireguard::SessionIndex index : names.indices) release(indices_, index);
  in_order_.pop_front();
}

}  // namespace connlib::snownet::node
