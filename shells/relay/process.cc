#include "shells/relay/process.h"

#include <algorithm>
#include <utility>

#include "shells/common/os_clock.h"
#include "snownet/stun/channel_data.h"

namespace connlib::relay {
namespace {

using shells::OsClock;
using snownet::relay::ToClient;
using snownet::relay::ToPeer;

constexpr const char* kModule = "relay";
constexpr Duration kTick = 10s;
// All clients share the listening sockets; an allocation's carry one client's traffic each.
constexpr int kListenSendBytes = 4 << 20;
constexpr int kListenReceiveBytes = 16 << 20;
constexpr int kPortBytes = 1 << 20;

size_t index_of(IpFamily family) { return family == IpFamily::kV4 ? 0 : 1; }

}  // namespace

Process::Process(ProcessOptions options, snownet::relay::Credentials credentials,
                 shells::EventLoop& loop, Tracer& tracer)
    : options_(std::move(options)),
      loop_(loop),
      tracer_(tracer),
      server_(options_.server, std::move(credentials), random_, tracer, OsClock::now(),
              OsClock::date()),
      ports_(size_t{options_.server.highest_port} - options_.server.lowest_port + 1),
      next_tick_(OsClock::now() + kTick) {
  touched_.reserve(shells::UdpGather::kMessages);
}

Process::~Process() = default;

absl::StatusOr<std::unique_ptr<Process>> Process::open(ProcessOptions options,
                                                       snownet::relay::Credentials credentials,
                                                       shells::EventLoop& loop, Tracer& tracer) {
  std::unique_ptr<Process> out(
      new Process(std::move(options), std::move(credentials), loop, tracer));
  const auto& server = out->options_.server;
  for (const IpFamily family : {IpFamily::kV4, IpFamily::kV6}) {
    if (family == IpFamily::kV4 ? !server.public_v4 : !server.public_v6) continue;
    auto endpoint =
        out->open_endpoint(family, server.listen_port, kListenSendBytes, kListenReceiveBytes);
    if (!endpoint.ok()) return endpoint.status();
    out->watch(**endpoint, server.listen_port, true);
    out->listening_[index_of(family)] = *std::move(endpoint);
  }
  return out;
}

absl::StatusOr<std::unique_ptr<Process::Endpoint>> Process::open_endpoint(IpFamily family,
                                                                          uint16_t port,
                                                                          int send_bytes,
                                                                          int receive_bytes) {
  auto socket = shells::UdpSocket::open(
      {.family = family,
       .address = family == IpFamily::kV4 ? options_.bind_v4 : options_.bind_v6,
       .port = port,
       .send_buffer_bytes = send_bytes,
       .receive_buffer_bytes = receive_bytes,
       .has_buffers = false});
  if (!socket.ok()) return socket.status();
  auto endpoint = std::make_unique<Endpoint>();
  endpoint->target.socket = *std::move(socket);
  return endpoint;
}

void Process::watch(Endpoint& endpoint, uint16_t port, bool listens) {
  Endpoint* const self = &endpoint;
  endpoint.watch = loop_.watch(endpoint.target.socket->fd(),
                               [this, self, port, listens](shells::EventLoop::Readiness r) {
                                 if (r.writable && gather_.drain(self->target))
                                   self->watch->want(true, false);
                                 if (!r.readable) return;
                                 if (listens) {
                                   read_clients(*self);
                                 } else {
                                   read_peers(*self, port);
                                 }
                               });
  endpoint.watch->want(true, false);
}

void Process::read_clients(Endpoint& endpoint) {
  for (int batch = 0; batch < kListenBatches; ++batch) {
    const auto runs = receiver_.receive(endpoint.target.socket->fd(), truncated_);
    const Timestamp now = OsClock::now();
    for (const shells::ReceivedRun& run : runs) handle_client_run(now, run);
    flush();
    if (runs.size() < kBatchRuns) return;
  }
}

void Process::handle_client_run(Timestamp now, const shells::ReceivedRun& run) {
  std::span<const uint8_t> rest = run.bytes;
  do {
    const auto answer = server_.handle_client_run(now, run.from, rest, run.segment_bytes);
    if (const auto* out = std::get_if<ToPeer>(&answer.outcome)) {
      forward(*out, run.ecn);
    } else if (std::holds_alternative<snownet::relay::Consumed>(answer.outcome)) {
      run_commands();
      send_responses();
    }
    rest = rest.subspan(std::min(rest.size(), answer.datagrams * run.segment_bytes));
  } while (!rest.empty());
}

void Process::read_peers(Endpoint& endpoint, uint16_t port) {
  const auto runs = receiver_.receive(endpoint.target.socket->fd(), truncated_);
  const Timestamp now = OsClock::now();
  for (const shells::ReceivedRun& run : runs) {
    const auto answer = server_.handle_peer_run(now, port, run.from, run.bytes, run.segment_bytes);
    if (const auto* out = std::get_if<ToClient>(&answer)) forward(*out, run);
  }
  flush();
}

void Process::forward(const ToPeer& out, Ecn ecn) {
  const auto& port = port_slot(out.port);
  if (port == nullptr) return;
  Endpoint* const endpoint = port->by_family[index_of(out.peer.ip.family())].get();
  if (endpoint == nullptr) return;
  snownet::relay::for_each_payload(out, [&](std::span<const uint8_t> payload) {
    add(*endpoint, {.to = out.peer, .ecn = ecn, .payload = payload});
  });
}

void Process::forward(const ToClient& out, const shells::ReceivedRun& run) {
  Endpoint* const endpoint = listening_[index_of(out.client.ip.family())].get();
  if (endpoint == nullptr) return;
  shells::UdpGather::Header header{};
  std::span<const uint8_t> rest = run.bytes;
  do {
    const auto payload = rest.first(std::min(rest.size(), run.segment_bytes));
    snownet::stun::write_channel_data_header(header, out.channel, payload.size());
    add(*endpoint, {.to = out.client, .ecn = run.ecn, .header = &header, .payload = payload});
    rest = rest.subspan(payload.size());
  } while (!rest.empty());
}

void Process::add(Endpoint& endpoint, const shells::UdpGather::Datagram& datagram) {
  gather_.add(endpoint.target, datagram);
  if (touched_.empty() || touched_.back() != &endpoint) touched_.push_back(&endpoint);
}

void Process::flush() {
  gather_.flush();
  for (Endpoint* endpoint : touched_) {
    if (!endpoint->target.backlog.empty()) endpoint->watch->want(true, true);
  }
  touched_.clear();
}

void Process::run_commands() {
  while (const auto command = server_.poll_command()) {
    if (const auto* open = std::get_if<snownet::relay::OpenPort>(&*command)) run(*open);
    if (const auto* close = std::get_if<snownet::relay::ClosePort>(&*command)) run(*close);
    // Bindings are for a data path in the kernel; ours asks the server.
  }
}

void Process::run(const snownet::relay::OpenPort& command) {
  auto port = std::make_unique<Port>();
  for (const IpFamily family : {IpFamily::kV4, IpFamily::kV6}) {
    if (!command.families.contains(family)) continue;
    auto endpoint = open_endpoint(family, command.port, kPortBytes, kPortBytes);
    if (!endpoint.ok()) {
      tracer_.trace(TraceLevel::kDebug, kModule, "port does not open",
                    {{"why", std::string(endpoint.status().message())}});
      server_.handle_port_failed(OsClock::now(), command.port);
      return;
    }
    watch(**endpoint, command.port, false);
    port->by_family[index_of(family)] = *std::move(endpoint);
  }
  port_slot(command.port) = std::move(port);
  server_.handle_port_opened(OsClock::now(), command.port);
}

void Process::run(const snownet::relay::ClosePort& command) {
  flush();  // Nothing may point at what is closed.
  port_slot(command.port).reset();
}

std::unique_ptr<Process::Port>& Process::port_slot(uint16_t port) {
  return ports_[size_t{port} - options_.server.lowest_port];
}

void Process::send_responses() {
  while (const auto response = server_.poll_transmit()) {
    Endpoint* const endpoint = listening_[index_of(response->to.ip.family())].get();
    if (endpoint == nullptr) continue;
    add(*endpoint, {.to = response->to, .payload = response->bytes(), .is_control = true});
    flush();  // The response does not outlive this round.
  }
}

void Process::pump() {
  const Timestamp now = OsClock::now();
  if (server_.poll_timeout().at <= now) server_.handle_timeout(now);
  run_commands();
  send_responses();
  if (next_tick_ <= now) tick(now);
  if (server_.is_drained() || drain_until_ <= now) loop_.stop();
  loop_.arm(std::min({server_.poll_timeout().at, next_tick_, drain_until_}));
}

void Process::tick(Timestamp now) {
  next_tick_ = now + kTick;
  server_.handle_wall_clock(now, OsClock::date());
  const auto& counters = server_.counters();
  const uint64_t bytes = counters.to_peers.bytes + counters.to_clients.bytes;
  const uint64_t before = at_last_tick_.bytes;
  at_last_tick_.bytes = bytes;
  if (bytes == before && server_.allocation_count() == 0) return;
  tracer_.trace(TraceLevel::kInfo, kModule, "serving",
                {{"allocations", uint64_t{server_.allocation_count()}},
                 {"channels", uint64_t{server_.channel_count()}},
                 {"kbit_per_second", (bytes - before) * 8 / 1000 / 10}});
}

void Process::handle_stop_signal() {
  const Timestamp now = OsClock::now();
  if (server_.is_draining() || options_.drain <= Duration::zero()) {
    loop_.stop();
    return;
  }
  server_.handle_shutdown_requested(now);
  drain_until_ = now + options_.drain;
  tracer_.trace(TraceLevel::kInfo, kModule, "draining; a second signal ends at once",
                {{"allocations", uint64_t{server_.allocation_count()}},
                 {"at_most", to_text(options_.drain)}});
}

Gauges Process::gauges() const {
  Gauges out{.allocations = server_.allocation_count(),
             .channels = server_.channel_count(),
             .free_ports = server_.free_port_count()};
  const auto add_queue = [&](const std::unique_ptr<Endpoint>& endpoint) {
    if (endpoint != nullptr) out.queued_datagrams += endpoint->target.backlog.size();
  };
  for (const auto& endpoint : listening_) add_queue(endpoint);
  for (const auto& port : ports_) {
    if (port == nullptr) continue;
    for (const auto& endpoint : port->by_family) add_queue(endpoint);
  }
  return out;
}

}  // namespace connlib::relay
