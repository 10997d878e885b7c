#pragma once

#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "connlib/base/trace.h"
#include "snownet/ice/candidate.h"
#include "snownet/stun/binding_query.h"
#include "snownet/turn/allocation.h"
#include "tests/interop/ice_agent/options.h"
#include "tests/interop/udp_sockets.h"

namespace connlib::interop {

// Gatherer finds our candidates (RFC 8445 §5.1.1) and carries what goes through the relay.
//
// An address that reached a server is a host candidate, how the server saw it a server-reflexive
// one. In a family without servers the addresses of the interfaces are host candidates.
class Gatherer {
 public:
  // All but `options` must outlive it; its credentials are moved out.
  Gatherer(Options& options, UdpSockets& sockets, RandomSource& random, Tracer& tracer,
           Timestamp now);

  // What became of a datagram: nullopt when it was for us; else what it is once unwrapped. The
  // bytes borrow from those of `arrival`.
  std::optional<Arrival> handle_datagram(Timestamp now, const Arrival& arrival);

  [[nodiscard]] std::optional<snownet::ice::Candidate> poll_candidate();
  bool is_over() const;  // No more candidates are to be expected.

  // expect() makes the relay let `remote` through.
  void expect(Timestamp now, const SocketAddress& remote);
  // send() along a path of the agent: through the relay when `local` is a relayed address.
  void send(Timestamp now, const SocketAddress& local, const SocketAddress& remote,
            std::span<const uint8_t> bytes);
  bool is_relayed(const SocketAddress& local) const;

  void handle_timeout(Timestamp now);
  void transmit();  // Sends what is due to the servers.
  [[nodiscard]] Wakeup poll_timeout() const;

 private:
  void add_interface_addresses();
  void add_found(const SocketAddress& local, const SocketAddress& mapped);
  void take_events();
  bool has_server(IpFamily family) const;

  const Options& options_;
  UdpSockets& sockets_;
  std::optional<snownet::stun::BindingQuery> query_;
  std::optional<snownet::turn::Allocation> allocation_;
  bool is_allocation_settled_ = false;
  std::deque<snownet::ice::Candidate> candidates_;
  std::vector<uint8_t> frame_;
};

}  // namespace connlib::interop
