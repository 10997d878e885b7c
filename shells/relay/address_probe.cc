#include "shells/relay/address_probe.h"

#include <algorithm>
#include <utility>

#include "shells/common/os_clock.h"

namespace connlib::relay {
namespace {

using shells::OsClock;
using shells::UdpSocket;

// A relay that starts should not keep its operator waiting as long as one that looks for a path.
constexpr snownet::stun::RetransmitPolicy kPolicy{
    .initial_rto = 500ms, .growth_percent = 200, .transmissions = 3, .final_wait = 1500ms};
static_assert(snownet::stun::time_to_give_up(kPolicy) == 3s);
constexpr int kPortAttempts = 16;
constexpr int kBufferBytes = 64 << 10;

absl::StatusOr<std::unique_ptr<UdpSocket>> open_socket(const IpAddress& address, uint16_t port) {
  return UdpSocket::open({.family = address.family(),
                          .address = address,
                          .port = port,
                          .send_buffer_bytes = kBufferBytes,
                          .receive_buffer_bytes = kBufferBytes,
                          .uses_offloads = false});
}

}  // namespace

AddressProbe::AddressProbe(const AddressProbeOptions& options, std::unique_ptr<UdpSocket> listening,
                           std::unique_ptr<UdpSocket> relayed)
    : options_(options), listening_(std::move(listening)), relayed_(std::move(relayed)) {}

absl::StatusOr<std::unique_ptr<AddressProbe>> AddressProbe::open(
    const AddressProbeOptions& options) {
  auto listening = open_socket(options.bind, options.listen_port);
  if (!listening.ok()) return listening.status();
  shells::OsRandom random;
  absl::StatusOr<std::unique_ptr<UdpSocket>> relayed = absl::UnavailableError("no relayed port");
  for (int i = 0; i < kPortAttempts && !relayed.ok(); ++i) {
    const uint32_t ports = uint32_t{options.highest_port} - options.lowest_port + 1;
    const auto bytes = random.bytes<4>();
    const uint32_t drawn = (uint32_t{bytes[0]} << 16 | uint32_t{bytes[1]} << 8 | bytes[2]) % ports;
    relayed = open_socket(options.bind, static_cast<uint16_t>(options.lowest_port + drawn));
  }
  if (!relayed.ok()) return relayed.status();
  return std::unique_ptr<AddressProbe>(
      new AddressProbe(options, *std::move(listening), *std::move(relayed)));
}

void AddressProbe::send(UdpSocket& socket, const SocketAddress& to,
                        std::span<const uint8_t> bytes) {
  run_.start(to, Ecn::kNotEct);
  const auto room = run_.reserve(bytes.size());
  std::copy(bytes.begin(), bytes.end(), room.begin());
  run_.commit();
  socket.send({&run_, 1});
}

std::vector<Observation> AddressProbe::observe(std::span<const SocketAddress> servers) {
  questions_.clear();
  observations_.clear();
  for (UdpSocket* socket : {listening_.get(), relayed_.get()}) {
    for (const SocketAddress& server : servers) {
      questions_.push_back({socket, {server, random_, OsClock::now(), kPolicy}});
      observations_.push_back({server, socket->port(), std::nullopt});
    }
  }
  run(&AddressProbe::take_answer);
  return observations_;
}

bool AddressProbe::reaches_itself(const IpAddress& announced) {
  const uint16_t port = relayed_->port();
  if (options_.bind.is_unspecified()) {
    relayed_.reset();
    auto bound = open_socket(announced, port);
    if (!bound.ok()) bound = open_socket(options_.bind, port);  // The address of a NAT's.
    if (!bound.ok()) return false;
    relayed_ = *std::move(bound);
  }
  expected_source_ = {announced, port};
  has_arrived_ = false;
  questions_.clear();
  questions_.push_back(
      {relayed_.get(), {{announced, options_.listen_port}, random_, OsClock::now(), kPolicy}});
  run(&AddressProbe::take_own);
  return has_arrived_;
}

bool AddressProbe::take_answer(UdpSocket& socket, const shells::ReceivedRun& run) {
  for (size_t i = 0; i < questions_.size(); ++i) {
    if (questions_[i].socket != &socket) continue;
    const auto mapped = questions_[i].query.take_answer(run.from, run.bytes);
    if (mapped) observations_[i].mapped = mapped;
  }
  return false;
}

// Nobody else knows the transaction id that we drew.
bool AddressProbe::take_own(UdpSocket& socket, const shells::ReceivedRun& run) {
  if (&socket != listening_.get() || run.from != expected_source_) return false;
  has_arrived_ =
      std::equal(run.bytes.begin(), run.bytes.end(), own_request_.begin(), own_request_.end());
  return has_arrived_;
}

void AddressProbe::run(OnDatagram on_datagram) {
  shells::EventLoop loop;
  std::vector<shells::EventLoop::Watch> watches;
  for (UdpSocket* socket : {listening_.get(), relayed_.get()}) {
    watches.push_back(loop.watch(socket->fd(), [this, &loop, socket, on_datagram](auto) {
      for (const shells::ReceivedRun& one : socket->receive()) {
        if ((this->*on_datagram)(*socket, one)) loop.stop();
      }
    }));
    watches.back().want(true, false);
  }
  loop.on_timer([] {});  // before_wait() does what is due.
  loop.before_wait([&] {
    const Timestamp now = OsClock::now();
    Timestamp next = Timestamp::never();
    bool is_over = true;
    for (Question& question : questions_) {
      question.query.handle_timeout(now);
      while (const auto request = question.query.poll_transmit()) {
        own_request_.assign(request->begin(), request->end());
        send(*question.socket, question.query.server(), *request);
      }
      next = std::min(next, question.query.poll_timeout().at);
      is_over = is_over && question.query.is_over();
    }
    if (is_over) loop.stop();
    loop.arm(next);
  });
  loop.run();
}

}  // namespace connlib::relay
