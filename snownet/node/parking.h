#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "connlib/base/timestamp.h"
#include "snownet/node/peer_id.h"

namespace connlib::snownet::node {

// Parking keeps remote candidates that a portal delivered before the connection they belong to
// (D15): at most kMaxParkedCandidates per peer, for kParkingTime since the peer's first. At
// kMaxParkedPeers the peer that came first goes.
class Parking {
 public:
  void add(Timestamp now, PeerId peer, std::string_view line);
  // The peer took it back before we had a use for it.
  void remove(PeerId peer, std::string_view line);
  // take() is what still counts, in the order in which it came.
  std::vector<std::string> take(Timestamp now, PeerId peer);
  void clear() { lots_.clear(); }
  size_t size() const { return lots_.size(); }

 private:
  struct Lot {
    PeerId peer;
    Timestamp leaves_at;
    std::vector<std::string> lines;
  };
  void expire(Timestamp now);
  std::deque<Lot> lots_;  // Oldest first, at most kMaxParkedPeers.
};

}  // namespace connlib::snownet::node
