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
      started_at_(OsClock::now()),
      next_tick_(started_at_ + kTick) {
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
    auto endpoint = out->open_endpoint(Role::kListening, family, server.listen_port);
    if (!endpoint.ok()) return endpoint.status();
    out->watch(Role::kListening, **endpoint, server.listen_port);
    out->listening_[index_of(family)] = *std::move(endpoint);
  }
  return out;
}

absl::StatusOr<std::unique_ptr<Process::Endpoint>> Process::open_endpoint(Role role,
                                                                          IpFamily family,
                                                                          uint16_t port) {
  const bool listens = role == Role::kListening;
  const IpAddress address = bind_address(role, family);
  auto socket =
      shells::UdpSocket::open({.family = family,
                               .address = address,
                               .port = port,
                               .send_buffer_bytes = listens ? kListenSendBytes : kPortBytes,
                               .receive_buffer_bytes = listens ? kListenReceiveBytes : kPortBytes,
                               .reports_local = listens && address.is_unspecified(),
                               .has_buffers = false});
  if (!socket.ok()) return socket.status();
  auto endpoint = std::make_unique<Endpoint>();
  endpoint->target.socket = *std::move(socket);
  return endpoint;
}

// Peers and the NATs before them expect the relayed address: a relay bound to all addresses sends
// from it if the host has it, and from what the kernel chooses behind a NAT of its own.
IpAddress Process::bind_address(Role role, IpFamily family) const {
  const bool four = family == IpFamily::kV4;
  const IpAddress any = four ? IpAddress(Ipv4Address{}) : IpAddress(Ipv6Address{});
  const IpAddress chosen = (four ? options_.bind_v4 : options_.bind_v6).value_or(any);
  if (role == Role::kListening || !chosen.is_unspecified()) return chosen;
  const auto& server = options_.server;
  const IpAddress relayed = four ? IpAddress(server.public_v4.value_or(Ipv4Address{}))
                                 : IpAddress(server.public_v6.value_or(Ipv6Address{}));
  const auto& own = server.peers.own_addresses;
  return std::find(own.begin(), own.end(), relayed) == own.end() ? any : relayed;
}

void Process::watch(Role role, Endpoint& endpoint, uint16_t port) {
  Endpoint* const self = &endpoint;
  endpoint.watch = loop_.watch(endpoint.target.socket->fd(),
                               [this, self, port, role](shells::EventLoop::Readiness r) {
                                 if (r.writable && gather_.drain(self->target))
                                   self->watch->want(true, false);
                                 if (!r.readable) return;
                                 if (role == Role::kListening) {
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
      run_commands(run.local);
      send_responses(run.local);
    }
    rest = rest.subspan(std::min(rest.size(), answer.datagrams * run.segment_bytes));
  } while (!rest.empty());
}

void Process::read_peers(Endpoint& endpoint, uint16_t port) {
  const auto runs = receiver_.receive(endpoint.target.socket->fd(), truncated_);
  const Timestamp now = OsClock::now();
  for (const shells::ReceivedRun& run : runs) {
    const auto answer = server_.handle_peer_run(now, port, run.from, run.bytes, run.segment_bytes);
    if (const auto* out = std::get_if<ToClient>(&answer))
      forward(*out, port_slot(port)->asked, run);
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

void Process::forward(const ToClient& out, const std::optional<IpAddress>& source,
                      const shells::ReceivedRun& run) {
  Endpoint* const endpoint = listening_[index_of(out.client.ip.family())].get();
  if (endpoint == nullptr) return;
  shells::UdpGather::Header header{};
  std::span<const uint8_t> rest = run.bytes;
  do {
    const auto payload = rest.first(std::min(rest.size(), run.segment_bytes));
    snownet::stun::write_channel_data_header(header, out.channel, payload.size());
    add(*endpoint, {.to = out.client,
                    .source = source,
                    .ecn = run.ecn,
                    .header = &header,
                    .payload = payload});
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

// `asked`: our address that the request came to, which led to the commands, if one did.
void Process::run_commands(const std::optional<IpAddress>& asked) {
  while (const auto command = server_.poll_command()) {
    if (const auto* open = std::get_if<snownet::relay::OpenPort>(&*command)) run(*open, asked);
    if (const auto* close = std::get_if<snownet::relay::ClosePort>(&*command)) run(*close);
    // Bindings are for a data path in the kernel; ours asks the server.
  }
}

void Process::run(const snownet::relay::OpenPort& command, const std::optional<IpAddress>& asked) {
  auto port = std::make_unique<Port>();
  port->asked = asked;
  for (const IpFamily family : {IpFamily::kV4, IpFamily::kV6}) {
    if (!command.families.contains(family)) continue;
    auto endpoint = open_endpoint(Role::kRelayed, family, command.port);
    if (!endpoint.ok()) {
      tracer_.trace(TraceLevel::kDebug, kModule, "port does not open",
                    {{"why", std::string(endpoint.status().message())}});
      server_.handle_port_failed(OsClock::now(), command.port);
      return;
    }
    watch(Role::kRelayed, **endpoint, command.port);
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

void Process::send_responses(const std::optional<IpAddress>& asked) {
  while (const auto response = server_.poll_transmit()) {
    Endpoint* const endpoint = listening_[index_of(response->to.ip.family())].get();
    if (endpoint == nullptr) continue;
    add(*endpoint,
        {.to = response->to, .source = asked, .payload = response->bytes(), .is_control = true});
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
  if (server_.is_draining() || options_.drain <= Duration::zero()) {
    loop_.stop();
    return;
  }
  drain(OsClock::now());
}

void Process::drain(Timestamp now, std::optional<Duration> at_most) {
  const Duration limit = at_most.value_or(options_.drain);
  server_.handle_shutdown_requested(now);
  drain_until_ = now + limit;
  tracer_.trace(
      TraceLevel::kInfo, kModule, "draining; a signal ends it at once",
      {{"allocations", uint64_t{server_.allocation_count()}}, {"at_most", to_text(limit)}});
}

std::optional<Duration> Process::drain_left(Timestamp now) const {
  if (!server_.is_draining()) return std::nullopt;
  return std::max(Duration::zero(), drain_until_ - now);
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
