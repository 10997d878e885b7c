#include "tests/bench/node_hub.h"

#include <algorithm>
#include <ctime>
#include <iterator>

#include "connlib/base/check.h"
#include "snownet/ice/candidate_text.h"
#include "snownet/stun/datagram_kind.h"
#include "tests/bench/allocation_counter.h"

namespace connlib::bench {
namespace {

using snownet::ice::Candidate;
using snownet::ice::Credentials;
using snownet::node::NodeEvent;
using snownet::relay::testing::kDate;
using snownet::relay::testing::kStart;
using Bytes = std::vector<uint8_t>;

Duration cpu_clock() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

wireguard::DeviceOptions without_limits() {
  wireguard::DeviceOptions options;
  options.limits.per_node = options.limits.per_source = ~0u;
  return options;
}

Credentials credentials(char side, uint32_t number) {
  std::string ufrag = std::to_string(number + 100'000);
  return *Credentials::of(side + ufrag, std::string(22 - ufrag.size(), side) + ufrag);
}

Ipv4Address numbered(uint8_t network, uint32_t number) {
  return {{network, static_cast<uint8_t>(number >> 16), static_cast<uint8_t>(number >> 8),
           static_cast<uint8_t>(number)}};
}

wireguard::PrivateKey new_key(RandomSource& random) {
  wireguard::PrivateKey key;
  random.fill(key.mutable_bytes());
  return key;
}

constexpr snownet::ice::Role role(bool is_controlling) {
  return is_controlling ? snownet::ice::Role::kControlling : snownet::ice::Role::kControlled;
}

}  // namespace

// --- Spoke

Spoke::Spoke(uint32_t number, bool is_controlling, Timestamp now, const PublicKey& hub)
    : local{numbered(10, number), 51820},
      mapped{numbered(93, number), 51820},
      random(uint64_t{number} + 1000),
      agent({.role = role(is_controlling),
             .local = credentials('s', number),
             .remote = credentials('h', number),
             .timing = is_controlling ? snownet::ice::kClientDefaultTiming
                                      : snownet::ice::kServerDefaultTiming},
            random, null_tracer(), now),
      device(new_key(random), without_limits(), now, kDate, random, null_tracer()),
      is_controlling_(is_controlling),
      sleeps_at_(now + 25s) {
  tunnel = *device.add_peer(now, hub, {}, {.inner_mtu = snownet::node::kMaxPacketBytes});
}

snownet::node::ConnectionOptions Spoke::options_for_hub() const {
  return {
      .key = device.public_key(),
      .psk = {},
      .local = *agent.remote_credentials(),
      .remote = agent.local_credentials(),
      .role = role(!is_controlling_),
      .active =
          is_controlling_ ? snownet::ice::kServerDefaultTiming : snownet::ice::kClientDefaultTiming,
      .idle = is_controlling_ ? snownet::ice::kServerIdleTiming : snownet::ice::kClientIdleTiming};
}

// As most ends have them: in the private network, through the NAT, at a relay (which is of no use
// here).
void Spoke::add_candidates(Timestamp now) {
  const SocketAddress relayed{Ipv4Address{{203, 0, 113, 7}}, mapped.port};
  for (const Candidate& candidate :
       {Candidate::host(local), Candidate::server_reflexive(mapped, local),
        Candidate::relayed(relayed, IpFamily::kV4)}) {
    const auto added = agent.add_local_candidate(candidate, now);
    if (added) lines.push_back(to_text(*added, agent.local_credentials().ufrag()));
  }
  drain(now);
}

void Spoke::take_line(Timestamp now, const std::string& line) {
  agent.add_remote_candidate(*snownet::ice::parse_candidate(line), now);
  drain(now);
}

void Spoke::handle_datagram(Timestamp now, const SocketAddress& from, std::span<uint8_t> bytes) {
  if (snownet::stun::datagram_kind(bytes) == snownet::stun::DatagramKind::kStun) {
    if (!agent.handle_datagram(now, {local, from}, bytes)) {
      drain(now);
      return;
    }
  }
  device.handle_datagram(now, from, bytes);
  while (const auto answer = device.poll_transmit()) send(local, from, answer->datagram.bytes());
  drain(now);
}

void Spoke::handle_timeout(Timestamp now) {
  if (sleeps_at_ <= now) {
    sleeps_at_ = Timestamp::never();
    agent.set_timing(
        is_controlling_ ? snownet::ice::kClientIdleTiming : snownet::ice::kServerIdleTiming, now);
  }
  agent.handle_timeout(now);
  device.handle_timeout(now);
  drain(now);
}

Timestamp Spoke::poll_timeout() {
  return std::min({agent.poll_timeout().at, device.poll_timeout().at, sleeps_at_});
}

void Spoke::drain(Timestamp now) {
  while (const auto event = agent.poll_event()) {
    const auto* selected = std::get_if<snownet::ice::PathSelected>(&*event);
    if (selected == nullptr) continue;
    path_ = selected->path;
    if (is_controlling_) device.start_handshake(now, tunnel);
  }
  while (const auto check = agent.poll_transmit()) {
    send(check->path.local, check->path.remote, check->message.bytes());
  }
  while (device.poll_event()) continue;
  while (const auto transmit = device.poll_transmit()) {
    if (path_) send(path_->local, path_->remote, transmit->datagram.bytes());
  }
}

void Spoke::send(const SocketAddress& from, const SocketAddress& to,
                 std::span<const uint8_t> bytes) {
  if (from == local) out.emplace_back(to, Bytes(bytes.begin(), bytes.end()));
}

// --- Hub

const SocketAddress& Hub::relay_socket() {
  static const SocketAddress socket{snownet::relay::testing::kPublic4, 3478};
  return socket;
}

Hub::Hub(const Options& options)
    : options_(options),
      local_(*SocketAddress::parse("192.168.1.2:52625")),
      mapped_{snownet::relay::testing::kAlice.ip, 52625},
      random_(1),
      now_(kStart),
      node_(std::make_unique<snownet::node::Node>(
          snownet::node::NodeOptions{.device = without_limits()}, kDate, random_, null_tracer(),
          kStart)),
      last_established_at_(kStart) {
  const std::string username = std::to_string(absl::ToUnixSeconds(kDate) + 86'400) + ":salt";
  const snownet::stun::RelayPassword password(*snownet::stun::RelayUsername::parse(username),
                                              snownet::relay::testing::kStampSecret);
  const std::vector<snownet::node::RelayListing> listed = {{RelayId("relay"),
                                                            {.v4 = relay_socket()},
                                                            username,
                                                            std::string(snownet::stun::kRelayRealm),
                                                            std::string(password.text())}};
  node_->update_relays(now_, {}, listed);
  run_for(1s);
}

void Hub::connect(uint32_t number) {
  CONNLIB_CHECK(number == spokes_.size());
  spokes_.push_back(
      std::make_unique<Spoke>(number, !options_.is_controlling, now_, node_->public_key()));
  Spoke& spoke = *spokes_.back();
  spoke.add_candidates(now_);
  const auto outcome = node_->upsert_connection(now_, peer(number), spoke.options_for_hub());
  CONNLIB_CHECK(outcome == snownet::node::Upserted::kCreated);
  service(number, now_);
}

void Hub::run_for(Duration span) {
  for (const Timestamp until = now_ + span; now_ < until;) run_window();
}

void Hub::run_until_established(Duration limit) {
  for (const Timestamp until = now_ + limit; established_ < spokes_.size();) {
    CONNLIB_CHECK(now_ < until);
    run_window();
  }
}

// What is sent in one window arrives in the next, or later.
void Hub::run_window() {
  const Timestamp end = now_ + kLatency;
  const auto take_due = [end](Messages& queue) {
    Messages due = std::exchange(queue, {});
    const auto is_due = [end](const Message& message) { return message.at < end; };
    const auto later = std::stable_partition(due.begin(), due.end(), is_due);
    std::move(later, due.end(), std::back_inserter(queue));
    due.erase(later, due.end());
    std::stable_sort(due.begin(), due.end(),
                     [](const Message& a, const Message& b) { return a.at < b.at; });
    return due;
  };
  Messages to_node = take_due(to_node_);
  const Messages to_relay = take_due(to_relay_);
  Messages to_spokes = take_due(to_spokes_);
  run_node(end, to_node);
  run_relay(to_relay);
  run_spokes(end, to_spokes);
  now_ = end;
}

void Hub::run_node(Timestamp end, Messages& inbox) {
  std::vector<std::pair<Timestamp, snownet::node::Transmit>> sent;
  std::vector<std::pair<Timestamp, NodeEvent>> events;
  Timestamp now = now_;
  auto next = inbox.begin();
  const Duration before = cpu_clock();
  for (;;) {
    const Timestamp arrival = next == inbox.end() ? Timestamp::never() : next->at;
    const Timestamp due = std::max(node_->poll_timeout().at, now);
    if (std::min(arrival, due) >= end) break;
    now = std::min(arrival, due);
    if (arrival > due) {
      node_->handle_timeout(now);
      ++wakeups_;
    } else if (next->line.empty()) {
      node_->handle_datagrams(now, local_, next->from, 0, next->bytes, [](const auto&) {});
      ++next;
    } else {
      node_->add_remote_candidate(now, peer(next->spoke), next->line);
      ++next;
    }
    while (auto out = node_->poll_transmit()) sent.emplace_back(now, std::move(*out));
    while (auto event = node_->poll_event()) events.emplace_back(now, std::move(*event));
  }
  cpu_time_ += cpu_clock() - before;
  for (auto& [at, out] : sent) {
    if (!out.source || *out.source == local_) send(at, mapped_, out.to, std::move(out.bytes));
  }
  for (const auto& [at, event] : events) signal(at, event);
}

void Hub::signal(Timestamp now, const NodeEvent& event) {
  CONNLIB_CHECK(!std::holds_alternative<snownet::node::Failed>(event));
  if (std::holds_alternative<snownet::node::Established>(event)) {
    ++established_;
    last_established_at_ = now;
  } else if (const auto* added = std::get_if<snownet::node::CandidateAdded>(&event)) {
    const auto number = static_cast<uint32_t>(added->peer.value() - 1);
    to_spokes_.push_back({now + kLatency, number, {}, {}, {}, added->line});
  }
}

void Hub::run_relay(const Messages& inbox) {
  for (const Message& message : inbox) {
    relay_.now = std::max(relay_.now, message.at);
    if (message.to == relay_socket()) {
      const auto reply = relay_.receive(message.from, message.bytes);
      if (const auto* out = std::get_if<snownet::relay::ToPeer>(&relay_.last)) {
        for_each_payload(*out, [&](std::span<const uint8_t> payload) {
          send(message.at, {relay_socket().ip, out->port}, out->peer,
               {payload.begin(), payload.end()});
        });
      }
      if (reply) {
        const auto bytes = reply->response.bytes();
        send(message.at, relay_socket(), reply->response.to, {bytes.begin(), bytes.end()});
      }
    } else if (const auto out = relay_.to_client(message.to.port, message.from, message.bytes)) {
      Bytes framed(snownet::stun::kChannelDataHeaderBytes);
      snownet::stun::write_channel_data_header(
          std::span(framed).first<snownet::stun::kChannelDataHeaderBytes>(), out->channel,
          message.bytes.size());
      framed.insert(framed.end(), message.bytes.begin(), message.bytes.end());
      send(message.at, relay_socket(), out->client, std::move(framed));
    }
  }
}

void Hub::run_spokes(Timestamp end, Messages& inbox) {
  for (Message& message : inbox) {
    Spoke& spoke = *spokes_[message.spoke];
    if (message.line.empty()) {
      spoke.handle_datagram(message.at, message.from, message.bytes);
    } else {
      spoke.take_line(message.at, message.line);
    }
    service(message.spoke, message.at);
  }
  while (due_.next_at() < end) {
    const uint32_t number = due_.next_id();
    const Timestamp now = std::max(due_.next_at(), now_);
    spokes_[number]->handle_timeout(now);
    service(number, now);
  }
}

void Hub::service(uint32_t number, Timestamp now) {
  Spoke& spoke = *spokes_[number];
  for (auto& [to, bytes] : std::exchange(spoke.out, {})) {
    send(now, spoke.mapped, to, std::move(bytes));
  }
  for (auto& line : std::exchange(spoke.lines, {})) {
    to_node_.push_back({now + kLatency, number, {}, {}, {}, std::move(line)});
  }
  due_.set(number, spoke.poll_timeout());
}

// By where it goes: private addresses lead nowhere.
void Hub::send(Timestamp now, const SocketAddress& from, const SocketAddress& to, Bytes bytes) {
  Message message{now + kLatency, kRelay, from, to, std::move(bytes), {}};
  const auto* v4 = to.ip.v4();
  if (to == mapped_) {
    if (options_.is_direct || from == relay_socket()) to_node_.push_back(std::move(message));
  } else if (to.ip == relay_socket().ip) {
    to_relay_.push_back(std::move(message));
  } else if (v4 != nullptr && v4->bytes[0] == 93) {
    if (!options_.is_direct && from == mapped_) return;
    message.spoke = uint32_t{v4->bytes[1]} << 16U | uint32_t{v4->bytes[2]} << 8U | v4->bytes[3];
    if (message.spoke < spokes_.size()) to_spokes_.push_back(std::move(message));
  }
}

int64_t Hub::release() {
  const int64_t before = live_bytes();
  node_.reset();
  return before - live_bytes();
}

}  // namespace connlib::bench
