#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "connlib/base/ip.h"
#include "snownet/ice/agent.h"
#include "tests/scenarios/telling.h"

namespace connlib::scenarios {

class Deployment;
struct Party;

// Invariants is what holds in every story whatever it is about (snownet §9.1). That nobody aborts,
// spins, or keeps a deadline for itself the world sees to; here is what the wire shows, and what
// must be so once things have come to rest.
class Invariants {
 public:
  Invariants(Telling& telling, Deployment& deployment)
      : telling_(telling), deployment_(deployment) {}

  void watch();  // From here on, every datagram.
  // note_transmit() is for who watches the world himself.
  void note_transmit(sim::MachineId from, const sim::Datagram& datagram);

  // check_rest() is for the end of a story that ends well, after half a minute without faults:
  // data travels on selected paths only, both ends know the same candidates, and nothing is left
  // over of what was.
  void check_rest();

  // A process starts again: what it did before is not its doing.
  void forget(const Party& party);

  uint64_t initiations() const { return initiations_; }

 private:
  using Ends = std::pair<std::string, std::string>;  // From whom, to whom.
  struct Initiation {
    Timestamp sent_at;
    uint32_t sender_index = 0;
  };

  void note_initiation(const Party& from, std::span<const uint8_t> message);
  void note_response(std::span<const uint8_t> message);
  void note_data(const Party& from, const sim::Datagram& datagram, bool is_framed);
  void remember_selected(const Party& from);
  bool has_begun_anew(const Party& from, const std::string& to, Timestamp since) const;
  bool has_session_since(const Party& from, const Party& to, Timestamp since) const;
  void check_candidates(const Party& a, const Party& b);
  void check_memory(const Party& party);
  void fail_once(const std::string& what);

  Telling& telling_;
  Deployment& deployment_;
  std::map<Ends, Initiation> in_flight_;
  std::map<Ends, snownet::ice::Path> last_selected_;  // Of connections that may be gone by now.
  std::set<std::string> failed_;
  uint64_t initiations_ = 0;
};

}  // namespace connlib::scenarios
