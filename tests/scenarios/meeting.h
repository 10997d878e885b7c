#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/scenarios/edge.h"
#include "tests/scenarios/ice_peer.h"
#include "tests/scenarios/seeds.h"
#include "tests/scenarios/weather.h"
#include "tests/sim/relay_machine.h"
#include "tests/sim/world.h"

namespace connlib::scenarios {

struct MeetingOptions {
  Edge client = kOpen;
  Edge gateway = kOpen;
  size_t relays = 2;
  std::optional<Weather> weather = {};  // Drawn when absent.
  double loss_percent = 0;              // On each end's cable, both directions.
  std::optional<Duration> echo_interval = 100ms;
};

// Delays say how much later than the other one end is told to connect.
struct Delays {
  Duration client = 0ns;
  Duration gateway = 0ns;
};

// Meeting is two peers, their relays and a portal in between, in a world of their own. The client
// is the controlling side and sends the pings.
class Meeting {
 public:
  Meeting(uint64_t seed, const MeetingOptions& options);

  // introduce() lets both learn their relays and then connect. False when one of them has no relay
  // after `patience`.
  bool introduce(const Delays& delays = {}, Duration patience = 10s);
  // connect() only connects.
  bool connect(const Delays& delays = {});
  bool connect_client();
  bool connect_gateway();

  // settle() runs until data has gone both ways, and `quiet` longer: only the end of that counts
  // for agreement. False when there was no echo within `limit` from now.
  bool settle(Duration limit, Duration quiet);

  // --- What came of it.
  std::optional<PathKind> path_kind() const;  // nullopt unless both have selected.
  Duration time_to_echo() const;              // From the introduction to the first answer.
  Duration time_to_path() const;              // To the last change of a selected path.

  // Since settle() was half through its quiet: data arrived, and only on the path that the
  // receiving end has selected too.
  bool ends_agree() const;
  // In the same span, as seen on the wire: data left for one socket only, the selected one.
  bool sends_data_to_selected_only() const;
  // Each end knows every candidate that the other has.
  bool candidates_converged() const;
  std::string describe() const;

  sim::World world;
  Weather weather;
  std::vector<sim::VirtualRelay> relays;
  PluggedIn client_edge;
  PluggedIn gateway_edge;
  sim::Handle<IcePeer> client;
  sim::Handle<IcePeer> gateway;
  Timestamp introduced_at = Timestamp::never();

 private:
  sim::Handle<IcePeer> add_peer(const PluggedIn& edge, bool is_client);
  void watch(sim::MachineId from, const sim::Datagram& datagram);
  bool sent_to_selected_only(const sim::Handle<IcePeer>& peer) const;

  std::optional<Duration> echo_interval_;
  std::map<uint32_t, std::set<SocketAddress>> data_went_to_;  // By machine.
  Timestamp settled_at_ = Timestamp::never();
};

// remote_kind() is what the peer knows the far end of its selected path as.
std::optional<snownet::ice::CandidateKind> remote_kind(const IcePeer& peer);

}  // namespace connlib::scenarios
