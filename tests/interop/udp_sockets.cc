#include "tests/interop/udp_sockets.h"

#include <algorithm>
#include <utility>

namespace connlib::interop {
namespace {

size_t slot_of(IpFamily family) { return family == IpFamily::kV4 ? 0 : 1; }

}  // namespace

UdpSockets::UdpSockets(shells::EventLoop& loop, OnArrival on_arrival)
    : on_arrival_(std::move(on_arrival)) {
  open(loop, IpFamily::kV4);
  open(loop, IpFamily::kV6);
}

void UdpSockets::open(shells::EventLoop& loop, IpFamily family) {
  auto opened = shells::UdpSocket::open({.family = family, .reports_local = true});
  if (!opened.ok()) return;
  auto& socket = sockets_[slot_of(family)] = *std::move(opened);
  watches_.push_back(loop.watch(
      socket->fd(), [this, raw = socket.get()](shells::EventLoop::Readiness) { receive(*raw); }));
  watches_.back().want(true, false);
}

void UdpSockets::receive(shells::UdpSocket& socket) {
  for (const shells::ReceivedRun& run : socket.receive()) {
    if (!run.local) continue;
    for_each_segment(run.bytes, run.segment_bytes, [&](std::span<uint8_t> bytes) {
      on_arrival_({{*run.local, socket.port()}, run.from, bytes});
    });
  }
}

void UdpSockets::send(const std::optional<IpAddress>& source, const SocketAddress& to,
                      std::span<const uint8_t> bytes) {
  const auto& socket = sockets_[slot_of(to.ip.family())];
  if (socket == nullptr) return;
  run_.start(to, Ecn::kNotEct, source);
  const auto room = run_.reserve(bytes.size());
  if (room.empty()) return;
  std::copy(bytes.begin(), bytes.end(), room.begin());
  run_.commit();
  socket->send({&run_, 1});
}

std::optional<uint16_t> UdpSockets::port(IpFamily family) const {
  const auto& socket = sockets_[slot_of(family)];
  if (socket == nullptr) return std::nullopt;
  return socket->port();
}

}  // namespace connlib::interop
