#include "shells/wg/interface.h"

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "shells/common/os_clock.h"

namespace connlib::wg {
namespace {

using shells::OsClock;

// Per turn of the loop, so that neither side starves the other, timers or configuration.
constexpr int kTunPacketsPerTurn = 64;
constexpr int kReceivesPerTurn = 4;

// Ours: runs leave once this many wait, even while the TUN has more: encrypting a larger batch
// would only leave the wire idle.
constexpr size_t kFlushRuns = 4;

// wg(8) names errors by errno.
int to_errno(const absl::Status& status) {
  if (status.ok()) return 0;
  if (absl::IsAlreadyExists(status)) return EADDRINUSE;
  if (absl::IsPermissionDenied(status)) return EPERM;
  return EIO;
}

}  // namespace

Interface::Interface(shells::EventLoop& loop, std::function<void()> on_gone, RandomSource& random,
                     Tracer& tracer, const InterfaceOptions& options)
    : loop_(&loop),
      on_gone_(std::move(on_gone)),
      tracer_(&tracer),
      engine_({.inner_mtu = static_cast<size_t>(options.mtu)}, OsClock::now(), OsClock::date(),
              random, tracer),
      fwmark_(options.fwmark) {}

std::unique_ptr<Interface> Interface::create(const InterfaceOptions& options,
                                             shells::EventLoop& loop, std::function<void()> on_gone,
                                             RandomSource& random, Tracer& tracer,
                                             Failure& failure) {
  std::unique_ptr<Interface> out(new Interface(loop, std::move(on_gone), random, tracer, options));
  auto tun = shells::TunDevice::create(options.name);
  failure = {Stage::kTun, tun.status()};
  if (!tun.ok()) return nullptr;
  out->tun_ = std::move(*tun);
  failure.status = out->tun_->set_mtu(options.mtu);
  if (!failure.status.ok()) return nullptr;

  auto udp = UdpPair::open(options.listen_port, options.fwmark);
  failure = {Stage::kUdp, udp.status()};
  if (!udp.ok()) return nullptr;
  out->udp_ = std::move(*udp);

  Interface* self = out.get();
  auto links = LinkWatch::open(loop, [self] { self->handle_link_change(); });
  failure = {Stage::kLinkWatch, links.status()};
  if (!links.ok()) return nullptr;
  out->link_watch_ = std::move(*links);

  out->engine_.coalescer().set_merges_tcp(out->tun_->can_merge_tcp());
  out->engine_.coalescer().set_merges_udp(out->tun_->can_merge_udp());
  out->tun_watch_ = loop.watch(out->tun_->fd(), [self](auto) { self->handle_tun(); });
  out->handle_link_change();
  out->watch_sockets();
  return out;
}

void Interface::watch_sockets() {
  v4_watch_.reset();
  v6_watch_.reset();
  for (auto [socket, watch] :
       {std::pair(udp_->v4(), &v4_watch_), std::pair(udp_->v6(), &v6_watch_)}) {
    if (socket == nullptr) continue;
    *watch =
        loop_->watch(socket->fd(), [this, socket = socket](shells::EventLoop::Readiness ready) {
          if (ready.writable && is_blocked_) flush();
          if (ready.readable || ready.failed) handle_udp(*socket);
          update_watches();
        });
  }
  update_watches();
}

void Interface::update_watches() {
  tun_watch_->want(!is_blocked_ && !is_gone_, false);
  if (v4_watch_) v4_watch_->want(true, is_blocked_ && udp_->blocked() == udp_->v4());
  if (v6_watch_) v6_watch_->want(true, is_blocked_ && udp_->blocked() == udp_->v6());
}

// --- TUN to network

void Interface::handle_tun() {
  const Timestamp now = OsClock::now();
  if (unfinished_) {
    const Unfinished rest = *unfinished_;
    unfinished_.reset();
    if (!send_packet(now, rest.packet, rest.next_segment)) return;
  }
  for (int i = 0; i < kTunPacketsPerTurn; ++i) {
    const auto incoming = tun_->read();
    if (!incoming) break;
    const auto packet = SuperPacket::parse(incoming->info, incoming->packet);
    if (!packet) {
      ++malformed_;
      continue;
    }
    if (!send_packet(now, *packet, 0)) return;
    if (engine_.outgoing().ready().size() >= kFlushRuns && !flush()) break;
  }
  if (tun_->is_gone()) handle_gone();
  flush();
  update_watches();
}

// False: the network is full; what is left waits in unfinished_.
bool Interface::send_packet(Timestamp now, const SuperPacket& packet, size_t first) {
  for (;;) {
    first = engine_.handle_packet(now, packet, first);
    if (first == packet.segments()) return true;
    if (flush()) continue;
    unfinished_ = {packet, first};
    update_watches();
    return false;
  }
}

// Sends what is ready. False when a socket is full.
bool Interface::flush() {
  SendRuns& outgoing = engine_.outgoing();
  const auto ready = outgoing.ready();
  if (!ready.empty()) {
    const size_t sent = udp_->send(ready);
    is_blocked_ = sent < ready.size();
    outgoing.drop_front(sent);
  }
  return !is_blocked_;
}

// --- Network to TUN

void Interface::handle_udp(shells::UdpSocket& socket) {
  const auto write = [this](const Coalescer::Group& group) { write_group(group); };
  for (int i = 0; i < kReceivesPerTurn; ++i) {
    const auto runs = socket.receive();
    if (runs.empty()) return;
    const Timestamp now = OsClock::now();
    for (const shells::ReceivedRun& run : runs) {
      engine_.handle_datagrams(now, run.from, run.ecn, run.bytes, run.segment_bytes, write);
    }
    engine_.flush_groups(write);
  }
}

void Interface::write_group(const Coalescer::Group& group) {
  if (tun_->write(group.info, group.parts) || group.parts.size() == 1) return;
  engine_.coalescer().set_merges_tcp(tun_->can_merge_tcp());
  engine_.coalescer().set_merges_udp(tun_->can_merge_udp());
  write_split(group);
}

// The kernel refused a merged packet: undo the merge. Rare enough to allocate.
void Interface::write_split(const Coalescer::Group& group) {
  std::vector<uint8_t> whole;
  for (const auto part : group.parts) whole.insert(whole.end(), part.begin(), part.end());
  const auto packet = SuperPacket::parse(group.info, whole);
  if (!packet) return;
  for (size_t i = 0; i < packet->segments(); ++i) {
    std::vector<uint8_t> segment(packet->segment_bytes(i));
    packet->write_segment(i, segment);
    const std::span<uint8_t> part(segment);
    tun_->write({}, {&part, 1});
  }
}

// --- Time and surroundings

void Interface::pump() {
  const Timestamp now = OsClock::now();
  bool is_done = engine_.pump(now);
  while (flush() && !is_done) is_done = engine_.pump(now);
  if (unfinished_ && !is_blocked_) handle_tun();
  update_watches();
  // While a socket is full its readiness wakes us; a deadline of "at once" would only spin.
  if (!is_done) return;
  const Timestamp next = engine_.poll_timeout().at;
  // Traffic moves deadlines back all the time. Waking once too early is cheaper than re-arming.
  if (armed_ <= next && armed_ > now) return;
  armed_ = next;
  loop_->arm(next);
}

void Interface::handle_link_change() {
  const Timestamp now = OsClock::now();
  if (const auto is_up = tun_->is_up(); is_up.ok()) engine_.set_up(now, *is_up);
  if (const auto mtu = tun_->mtu(); mtu.ok()) engine_.set_inner_mtu(static_cast<size_t>(*mtu));
}

void Interface::handle_gone() {
  if (std::exchange(is_gone_, true)) return;
  tracer_->trace(TraceLevel::kInfo, "wg", "interface was deleted", {{"interface", tun_->name()}});
  on_gone_();
}

// --- Configuration

void Interface::answer(const UapiRequest& request, std::string& out) {
  if (const auto* error = std::get_if<UapiError>(&request)) {
    append_set_result(error->number, out);
    return;
  }
  if (std::holds_alternative<GetRequest>(request)) {
    engine_.describe(OsClock::now(), OsClock::date(),
                     {.private_key = std::nullopt, .listen_port = port(), .fwmark = fwmark_}, out);
    append_get_result(0, out);
    return;
  }
  const auto& set = std::get<SetRequest>(request);
  // The sockets first: they are what may fail, and then nothing has changed.
  int error = set.listen_port ? set_port(*set.listen_port) : 0;
  if (error == 0 && set.fwmark) error = set_fwmark(*set.fwmark);
  if (error == 0) error = engine_.apply(OsClock::now(), set);
  tracer_->trace(TraceLevel::kDebug, "wg", "configuration set",
                 {{"errno", error}, {"peers", uint64_t{engine_.peer_count()}}});
  append_set_result(error, out);
}

int Interface::set_port(uint16_t port) {
  if (port == udp_->port()) return 0;
  auto fresh = UdpPair::open(port, fwmark_);
  if (!fresh.ok()) {
    tracer_->trace(TraceLevel::kWarn, "wg", "listen port kept",
                   {{"error", fresh.status().ToString()}});
    return to_errno(fresh.status());
  }
  // Watches go before the sockets that they watch.
  v4_watch_.reset();
  v6_watch_.reset();
  udp_ = std::move(*fresh);
  is_blocked_ = false;
  watch_sockets();
  return 0;
}

int Interface::set_fwmark(uint32_t fwmark) {
  if (fwmark == fwmark_) return 0;
  if (const absl::Status status = udp_->set_mark(fwmark); !status.ok()) return to_errno(status);
  fwmark_ = fwmark;
  return 0;
}

void Interface::log_counters() {
  const EngineDrops& drops = engine_.drops();
  tracer_->trace(TraceLevel::kDebug, "wg", "packets refused",
                 {{"no_route", drops.no_route},
                  {"no_endpoint", drops.no_endpoint},
                  {"oversized", drops.oversized},
                  {"unstaged", drops.unstaged},
                  {"source_not_allowed", drops.source_not_allowed},
                  {"malformed", malformed_},
                  {"tun_lost", tun_->lost_writes()}});
  for (const shells::UdpSocket* socket : {udp_->v4(), udp_->v6()}) {
    if (socket == nullptr) continue;
    const shells::UdpStats& stats = socket->stats();
    tracer_->trace(TraceLevel::kDebug, "wg", "socket",
                   {{"sent_runs", stats.sent_runs},
                    {"received_runs", stats.received_runs},
                    {"segmentation", socket->segments() ? "on" : "off"},
                    {"narrow_runs", stats.narrow_runs},
                    {"lost_unreachable", stats.lost_unreachable},
                    {"lost_refused", stats.lost_refused},
                    {"lost_too_big", stats.lost_too_big},
                    {"lost_other", stats.lost_other}});
  }
  for (size_t i = 0; i < engine_.device().drops().size(); ++i) {
    const uint64_t count = engine_.device().drops()[i];
    if (count == 0) continue;
    tracer_->trace(
        TraceLevel::kDebug, "wg", "datagrams dropped",
        {{"why", wireguard::drop_name(static_cast<wireguard::Drop>(i))}, {"count", count}});
  }
}

}  // namespace connlib::wg
