#include "tests/bench/relay_traffic.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>

#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "connlib/base/check.h"

namespace connlib::bench {
namespace {

namespace stun = snownet::stun;
using Clock = std::chrono::steady_clock;

constexpr stun::ChannelNumber kChannel{0x4001};
constexpr uint8_t kFill = 0x5a;
constexpr size_t kReceiveRuns = 16;
constexpr int kMaxEvents = 64;

std::vector<uint8_t> header_for(size_t payload_bytes) {
  std::vector<uint8_t> header(stun::kChannelDataHeaderBytes);
  stun::write_channel_data_header(std::span(header).first<stun::kChannelDataHeaderBytes>(),
                                  kChannel, payload_bytes);
  return header;
}

}  // namespace

RelayTraffic::RelayTraffic(const TrafficOptions& options)
    : options_(options), epoll_(epoll_create1(EPOLL_CLOEXEC)), receiver_(kReceiveRuns) {}

RelayTraffic::~RelayTraffic() { close(epoll_); }

std::unique_ptr<RelayTraffic> RelayTraffic::create(const TrafficOptions& options,
                                                   const snownet::turn::Credentials& credentials,
                                                   RandomSource& random) {
  std::unique_ptr<RelayTraffic> out(new RelayTraffic(options));
  return out->connect(credentials, random) ? std::move(out) : nullptr;
}

bool RelayTraffic::connect(const snownet::turn::Credentials& credentials, RandomSource& random) {
  for (size_t i = 0; i < options_.clients; ++i) {
    auto allocated = allocate_client(options_.relay, credentials, random);
    if (!allocated) return false;
    clients_.push_back(std::move(allocated->client));
    peers_.push_back(open_socket(options_.peer));
    if (!clients_.back()->bind(kChannel, {options_.peer, peers_.back()->port()})) {
      fmt::print(stderr, "relay_load: the relay does not bind a channel for client {}\n", i);
      return false;
    }
    add_ends(*clients_.back(), *peers_.back(), allocated->relayed);
  }
  return true;
}

void RelayTraffic::add_ends(TurnClient& client, shells::UdpSocket& peer,
                            const SocketAddress& relayed) {
  const size_t bytes = options_.payload_bytes;
  auto of_client = std::make_unique<End>();
  of_client->socket = &client.socket();
  of_client->first_bytes = header_for(bytes);
  of_client->first_bytes.push_back(kFill);
  of_client->receives_bytes = bytes + stun::kChannelDataHeaderBytes;
  if (sends_to_peers()) of_client->runs = runs_to(options_.relay, true);
  auto of_peer = std::make_unique<End>();
  of_peer->socket = &peer;
  of_peer->first_bytes = {kFill};
  of_peer->receives_bytes = bytes;
  if (sends_to_clients()) of_peer->runs = runs_to(relayed, false);
  for (auto* end : {&of_client, &of_peer}) {
    epoll_event event{.events = EPOLLIN, .data = {.ptr = end->get()}};
    CONNLIB_CHECK(epoll_ctl(epoll_, EPOLL_CTL_ADD, (*end)->socket->fd(), &event) == 0);
    if (!(*end)->runs.empty()) senders_.push_back(end->get());
    ends_.push_back(std::move(*end));
  }
}

std::vector<DatagramRun> RelayTraffic::runs_to(const SocketAddress& to, bool is_framed) const {
  std::vector<uint8_t> datagram(options_.payload_bytes, kFill);
  if (is_framed) {
    const auto header = header_for(options_.payload_bytes);
    datagram.insert(datagram.begin(), header.begin(), header.end());
  }
  std::vector<DatagramRun> out(options_.batch > 1 ? 1 : options_.burst);
  for (DatagramRun& run : out) {
    run.start(to, Ecn::kNotEct);
    for (size_t i = 0; i < options_.batch; ++i) {
      const auto room = run.reserve(datagram.size());
      if (room.empty()) break;
      std::copy(datagram.begin(), datagram.end(), room.begin());
      run.commit();
    }
  }
  return out;
}

TrafficCounts RelayTraffic::run(double seconds) {
  counts_ = {};
  const auto start = Clock::now();
  for (;;) {
    const double elapsed = std::chrono::duration<double>(Clock::now() - start).count();
    if (elapsed >= seconds) return counts_;
    const bool is_paced = options_.packets_per_second > 0;
    const auto due = is_paced ? static_cast<uint64_t>(options_.packets_per_second * elapsed)
                              : uint64_t{std::numeric_limits<int64_t>::max()};
    send_turn(due);
    receive(is_paced ? 1 : 0);
  }
}

// Every sender once, as long as no more than `allowed` were sent in all.
void RelayTraffic::send_turn(uint64_t allowed) {
  for (End* end : senders_) {
    if (counts_.sent >= allowed) break;
    const size_t per_run = end->runs.front().segments();
    const auto most = (allowed - counts_.sent + per_run - 1) / per_run;
    const auto runs = std::span<const DatagramRun>(end->runs).first(
        static_cast<size_t>(std::min<uint64_t>(most, end->runs.size())));
    counts_.sent += end->socket->send(runs) * per_run;
  }
  std::rotate(senders_.begin(), senders_.begin() + 1, senders_.end());
}

void RelayTraffic::receive(int wait_ms) {
  std::array<epoll_event, kMaxEvents> events{};
  const int ready = epoll_wait(epoll_, events.data(), kMaxEvents, wait_ms);
  for (int i = 0; i < ready; ++i) {
    const End& end = *static_cast<const End*>(events[static_cast<size_t>(i)].data.ptr);
    for (const shells::ReceivedRun& run : receiver_.receive(end.socket->fd(), truncated_)) {
      count(end, run);
    }
  }
}

void RelayTraffic::count(const End& end, const shells::ReceivedRun& run) {
  const bool is_right =
      run.segment_bytes == end.receives_bytes && run.bytes.size() % run.segment_bytes == 0;
  bool has_right_bytes = is_right;
  for (size_t at = 0; has_right_bytes && at < run.bytes.size(); at += run.segment_bytes) {
    has_right_bytes = std::equal(end.first_bytes.begin(), end.first_bytes.end(),
                                 run.bytes.begin() + static_cast<ptrdiff_t>(at));
  }
  if (has_right_bytes) {
    counts_.received += run.bytes.size() / run.segment_bytes;
  } else {
    ++counts_.wrong;
  }
}

void RelayTraffic::drain() {
  for (uint64_t before = ~uint64_t{0}; before != counts_.received;) {
    before = counts_.received;
    receive(20);
  }
}

void RelayTraffic::release() {
  for (const auto& client : clients_) client->release();
}

}  // namespace connlib::bench
