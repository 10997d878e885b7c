#include "shells/wg/udp_pair.h"

#include <utility>

namespace connlib::wg {
namespace {

constexpr int kPortAttempts = 32;  // For a port that is free on both families.

}  // namespace

absl::StatusOr<std::unique_ptr<UdpPair>> UdpPair::open(uint16_t port, uint32_t mark) {
  auto pair = open_once(port, mark);
  for (int i = 1; port == 0 && i < kPortAttempts && absl::IsAlreadyExists(pair.status()); ++i) {
    pair = open_once(port, mark);
  }
  return pair;
}

absl::StatusOr<std::unique_ptr<UdpPair>> UdpPair::open_once(uint16_t port, uint32_t mark) {
  std::unique_ptr<UdpPair> out(new UdpPair());
  out->port_ = port;
  absl::Status missing;
  for (const IpFamily family : {IpFamily::kV4, IpFamily::kV6}) {
    auto socket = shells::UdpSocket::open({.family = family, .port = out->port_, .mark = mark});
    if (absl::IsAlreadyExists(socket.status()) || absl::IsPermissionDenied(socket.status())) {
      return socket.status();
    }
    if (!socket.ok()) {
      missing = socket.status();  // No such family here; the other one will do.
      continue;
    }
    out->port_ = (*socket)->port();
    (family == IpFamily::kV4 ? out->v4_ : out->v6_) = std::move(*socket);
  }
  if (!out->v4_ && !out->v6_) return missing;
  return out;
}

size_t UdpPair::send(std::span<const DatagramRun> runs) {
  blocked_ = nullptr;
  size_t done = 0;
  while (done < runs.size()) {
    const IpFamily family = runs[done].remote().ip.family();
    size_t end = done + 1;
    while (end < runs.size() && runs[end].remote().ip.family() == family) ++end;
    shells::UdpSocket* socket = family == IpFamily::kV4 ? v4_.get() : v6_.get();
    if (socket == nullptr) {
      lost_runs_ += end - done;
      done = end;
      continue;
    }
    done += socket->send(runs.subspan(done, end - done));
    if (done < end) {
      blocked_ = socket;
      return done;
    }
  }
  return done;
}

absl::Status UdpPair::set_mark(uint32_t mark) {
  for (shells::UdpSocket* socket : {v4_.get(), v6_.get()}) {
    if (socket == nullptr) continue;
    if (absl::Status status = socket->set_mark(mark); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace connlib::wg
