#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "connlib/base/random_source.h"
#include "tests/sim/world.h"

namespace connlib::scenarios {

class Deployment;

// Forger is somebody who hears all that goes through the Internet and puts there what he likes,
// from whatever address he likes: noise, what he has heard and changed, what he has heard as it
// was, and messages of STUN, TURN and WireGuard that lack nothing but a key. What he repeats comes
// later than the original, and a check never from another address: that is what ICE cannot tell
// from a peer behind a NAT (RFC 8445 §19).
class Forger {
 public:
  // He watches from now on, and so do the invariants of `deployment`.
  Forger(Deployment& deployment, SeededRandom random);

  // forge() puts one datagram on the Internet.
  void forge();
  uint64_t forged() const { return forged_; }

 private:
  using Bytes = std::vector<uint8_t>;
  struct Heard {
    Timestamp at;
    sim::Datagram datagram;  // With addresses as the Internet sees them.
  };

  void hear(sim::MachineId from, const sim::Datagram& datagram);
  const Heard* pick();  // Anything that was heard a while ago.
  size_t some(size_t most) { return static_cast<size_t>(random_.below(most + 1)); }
  bool flip() { return random_.below(2) == 1; }
  Bytes noise(size_t bytes);
  Bytes altered(Bytes bytes);
  Bytes resized(Bytes bytes);
  Bytes stun();
  Bytes wireguard(const SocketAddress& to);
  Bytes channel_data();
  SocketAddress any_address();

  Deployment& deployment_;
  SeededRandom random_;
  std::vector<Heard> heard_;
  std::vector<std::string> usernames_;
  std::vector<uint32_t> session_indices_;
  std::vector<uint16_t> channels_;
  uint64_t forged_ = 0;
};

}  // namespace connlib::scenarios
