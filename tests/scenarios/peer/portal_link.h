#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "connlib/model/public_key.h"
#include "tests/sim/machine.h"

namespace connlib::scenarios {

// PortalLink is a peer's end of its channel to the portal. While that is down it holds candidates
// back (snownet §1.3): a removal cancels an addition that is still held, and when the channel is
// back additions go before removals. Whatever else is said meanwhile is lost.
class PortalLink {
 public:
  explicit PortalLink(sim::MachineId portal) : portal_(portal) {}

  // open() says hello; the portal answers with `init`.
  void open(const std::string& id, const PublicKey& key);
  void close() { is_open_ = false; }
  bool is_open() const { return is_open_; }

  void say(const nlohmann::json& message);

  void add_candidate(const std::string& peer, uint32_t priority, std::string line);
  void remove_candidate(const std::string& peer, std::string line);
  // The connection is gone here. Additions are of no use to anybody then; removals are: the peer
  // may have its half still, and it is them that tell it to let go.
  void forget(const std::string& peer) { held_[peer].added.clear(); }
  // flush() sends what is held, if the channel is open: one message for all that was added, best
  // first, and one for all that was removed.
  void flush();

  size_t held() const;
  std::optional<sim::Message> poll_message();

 private:
  struct Held {
    std::vector<std::pair<uint32_t, std::string>> added;
    std::vector<std::string> removed;
  };

  sim::MachineId portal_;
  bool is_open_ = false;
  std::map<std::string, Held> held_;
  std::deque<sim::Message> queue_;
};

}  // namespace connlib::scenarios
