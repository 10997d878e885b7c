#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <absl/status/statusor.h>

#include "connlib/base/trace.h"
#include "shells/common/event_loop.h"
#include "shells/common/os_random.h"
#include "shells/linux/udp_gather.h"
#include "shells/linux/udp_receiver.h"
#include "snownet/relay/server.h"

namespace connlib::relay {

struct ProcessOptions {
  snownet::relay::ServerOptions server;
  std::optional<IpAddress> bind_v4;  // Absent: any.
  std::optional<IpAddress> bind_v6;
  Duration drain = 60s;  // How long existing allocations are served after the first signal.
};

// Gauges are what the process has at this moment, beside the server's counters.
struct Gauges {
  size_t allocations = 0;
  size_t channels = 0;
  size_t free_ports = 0;
  size_t queued_datagrams = 0;  // At full sockets.
};

// Process is a relay with sockets: it moves runs between them and snownet::relay::Server, and
// carries out the server's commands. One thread, one loop.
//
// Fairness: a socket gets one bounded batch per round of the loop (the listening sockets, which all
// clients share, a few), so that one busy allocation cannot starve the others.
class Process {
 public:
  static constexpr size_t kBatchRuns = 32;
  static constexpr int kListenBatches = 8;

  // Fails with AlreadyExists when the listening port is taken.
  static absl::StatusOr<std::unique_ptr<Process>> open(ProcessOptions options,
                                                       snownet::relay::Credentials credentials,
                                                       shells::EventLoop& loop, Tracer& tracer);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  // pump() does what is due. Call it each time before the loop waits.
  void pump();

  // drain() refuses new allocations from here on and ends the loop when none is left, at the latest
  // after `at_most` [as the options say]. Called again it sets another limit.
  void drain(Timestamp now, std::optional<Duration> at_most = std::nullopt);

  // The first signal drains; one that comes while draining ends the process.
  void handle_stop_signal();

  bool is_ready() const { return !server_.is_draining(); }
  std::optional<Duration> drain_left(Timestamp now) const;  // Absent: not draining.
  Duration uptime(Timestamp now) const { return now - started_at_; }
  const ProcessOptions& options() const { return options_; }
  const snownet::relay::Counters& counters() const { return server_.counters(); }
  const shells::GatherStats& sent() const { return gather_.stats(); }
  uint64_t truncated() const { return truncated_; }
  Gauges gauges() const;

 private:
  // One port in one family; never moved, for the gather and the loop point at it.
  struct Endpoint {
    shells::GatherTarget target;
    std::optional<shells::EventLoop::Watch> watch;
  };
  struct Port {
    std::optional<IpAddress> asked;  // Our address that its client talks to, as of its Allocate.
    std::array<std::unique_ptr<Endpoint>, 2> by_family;
  };

  Process(ProcessOptions options, snownet::relay::Credentials credentials, shells::EventLoop& loop,
          Tracer& tracer);
  enum class Role : uint8_t { kListening, kRelayed };
  absl::StatusOr<std::unique_ptr<Endpoint>> open_endpoint(Role role, IpFamily family,
                                                          uint16_t port);
  IpAddress bind_address(Role role, IpFamily family) const;
  void watch(Role role, Endpoint& endpoint, uint16_t port);
  void read_clients(Endpoint& endpoint);
  void read_peers(Endpoint& endpoint, uint16_t port);
  void handle_client_run(Timestamp now, const shells::ReceivedRun& run);
  void add(Endpoint& endpoint, const shells::UdpGather::Datagram& datagram);
  void forward(const snownet::relay::ToPeer& out, Ecn ecn);
  void forward(const snownet::relay::ToClient& out, const std::optional<IpAddress>& source,
               const shells::ReceivedRun& run);
  void run_commands(const std::optional<IpAddress>& asked = std::nullopt);
  void run(const snownet::relay::OpenPort& command, const std::optional<IpAddress>& asked);
  void run(const snownet::relay::ClosePort& command);
  void send_responses(const std::optional<IpAddress>& asked = std::nullopt);
  void flush();
  void tick(Timestamp now);
  std::unique_ptr<Port>& port_slot(uint16_t port);

  ProcessOptions options_;
  shells::EventLoop& loop_;
  Tracer& tracer_;
  shells::OsRandom random_;
  snownet::relay::Server server_;
  shells::UdpReceiver receiver_{kBatchRuns};
  shells::UdpGather gather_;
  std::array<std::unique_ptr<Endpoint>, 2> listening_;
  std::vector<std::unique_ptr<Port>> ports_;  // By port - lowest_port; null where closed.
  std::vector<Endpoint*> touched_;            // Something was added for them since the last flush.
  uint64_t truncated_ = 0;
  Timestamp started_at_;
  Timestamp next_tick_;
  Timestamp drain_until_ = Timestamp::never();
  snownet::relay::Traffic at_last_tick_;
};

}  // namespace connlib::relay
