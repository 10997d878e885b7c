#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "connlib/base/timestamp.h"
#include "snownet/node/peer_id.h"
#include "wireguard/noise/messages.h"

namespace connlib::snownet::node {

// RecentlyDisconnected remembers for kRecentMemory under which names a connection was known that is
// gone, so that what still arrives for it is told from what never belonged here. At kMaxRecent the
// oldest is forgotten.
class RecentlyDisconnected {
 public:
  struct Names {
    PeerId peer;
    std::string username;
    std::vector<wireguard::SessionIndex> indices;
  };
  void add(Timestamp now, Names names);
  bool knows(Timestamp now, PeerId peer);
  bool knows_username(Timestamp now, std::string_view username);
  bool knows_index(Timestamp now, wireguard::SessionIndex index);
  size_t size() const { return in_order_.size(); }

 private:
  struct Entry {
    Names names;
    Timestamp forgotten_at;
  };
  void expire(Timestamp now);
  void forget_oldest();

  std::deque<Entry> in_order_;
  // How many entries have that name; a peer can come and go twice in five seconds.
  absl::flat_hash_map<PeerId, uint32_t> peers_;
  absl::flat_hash_map<std::string, uint32_t> usernames_;
  absl::flat_hash_map<wireguard::SessionIndex, uint32_t> indices_;
};

}  // namespace connlib::snownet::node
