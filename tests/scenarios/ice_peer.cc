// IcePeer: datagrams, time and the application. Candidates are in ice_peer_candidates.cc.
#include "tests/scenarios/ice_peer.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "connlib/base/check.h"
#include "snownet/node/relay_choice.h"
#include "snownet/stun/channel_data.h"

namespace connlib::scenarios {

namespace ice = snownet::ice;
namespace stun = snownet::stun;
namespace turn = snownet::turn;

namespace {

constexpr std::string_view kPing = "ping ";
constexpr std::string_view kPong = "pong ";

// The socket is bound to no address: towards relays the system chooses.
SocketAddress any_address(IpFamily family, uint16_t port) {
  if (family == IpFamily::kV4) return {Ipv4Address{}, port};
  return {Ipv6Address{}, port};
}

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

std::span<const uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

IcePeer::IcePeer(IcePeerOptions options, SeededRandom random, Tracer& tracer, Timestamp now)
    : options_(std::move(options)),
      random_(std::move(random)),
      tracer_(tracer),
      state_since_(now),
      last_now_(now) {
  for (const RelayLogin& login : options_.relays) {
    auto credentials = turn::Credentials::create(login.username, login.realm, login.password);
    CONNLIB_CHECK(credentials.has_value());
    relays_.push_back(
        std::make_unique<Relay>(login, random_.fork(), std::move(*credentials), tracer_, now));
  }
  drain(now);
}

bool IcePeer::connect(Timestamp now, sim::MachineId peer) {
  last_now_ = std::max(last_now_, now);
  const auto relay = sample_relay();
  if (!relay) return false;
  chosen_ = relays_[*relay].get();
  peer_ = peer;
  agent_ = std::make_unique<ice::IceAgent>(
      ice::AgentOptions{options_.role, options_.local, options_.remote, options_.timing}, random_,
      tracer_, now);
  selected_.reset();
  candidates_due_ = now + kCandidateWait;
  set_state(now, State::kConnecting);
  seed_candidates(now);
  for (const std::string& text : std::exchange(parked_, {})) handle_message(now, peer, text);
  drain(now);
  return true;
}

void IcePeer::start_echo(Timestamp now, Duration interval) {
  last_now_ = std::max(last_now_, now);
  echo_interval_ = interval;
  next_ping_ = now;
  drain(now);
}

// --- Relays

// D14: a relay that nothing will come of is not worth a connection, however near it is. And one
// whose allocation is still on its way may yet turn out to be such.
std::vector<IcePeer::Usable> IcePeer::round_trips() const {
  std::vector<Usable> allocated;
  std::vector<Usable> hoped_for;
  for (size_t i = 0; i < relays_.size(); ++i) {
    const turn::Allocation& allocation = relays_[i]->allocation;
    const auto rtt = allocation.round_trip_time();
    if (!rtt || allocation.failure() || allocation.is_suspended()) continue;
    (allocation.is_allocated() ? allocated : hoped_for).push_back({i, *rtt});
  }
  return allocated.empty() ? hoped_for : allocated;
}

std::optional<size_t> IcePeer::sample_relay() {
  const auto usable = round_trips();
  std::vector<Duration> durations;
  durations.reserve(usable.size());
  for (const Usable& each : usable) durations.push_back(each.round_trip);
  const auto choice = snownet::node::choose_relay(durations, random_);
  if (!choice) return std::nullopt;
  return usable[*choice].relay;
}

IcePeer::Relay* IcePeer::relay_at(const SocketAddress& socket) {
  for (const auto& relay : relays_) {
    if (relay->allocation.sockets().contains(socket)) return relay.get();
  }
  return nullptr;
}

IcePeer::Relay* IcePeer::relay_serving(const SocketAddress& relayed) {
  for (const auto& relay : relays_) {
    if (relay->allocation.relayed_address(relayed.ip.family()) == relayed) return relay.get();
  }
  return nullptr;
}

bool IcePeer::is_our_socket(const SocketAddress& address) const {
  return std::any_of(found_.begin(), found_.end(),
                     [&](const auto& found) { return found.local == address; });
}

bool IcePeer::sends_through_relay() const { return selected_ && !is_our_socket(selected_->local); }

// --- Network

void IcePeer::handle_datagram(Timestamp now, sim::Datagram& datagram) {
  last_now_ = std::max(last_now_, now);
  // By the table of relay sockets, not by a port number (D11). What comes from a relay is never
  // anything but STUN and ChannelData.
  if (Relay* relay = relay_at(datagram.source)) {
    const turn::Inbound inbound = relay->allocation.handle_datagram(
        now, datagram.destination, datagram.source, datagram.bytes);
    if (const auto* data = std::get_if<turn::Received>(&inbound)) {
      const auto relayed = relay->allocation.relayed_address(data->peer.ip.family());
      if (relayed) demultiplex(now, {*relayed, data->peer}, data->payload);
    }
  } else {
    demultiplex(now, {datagram.destination, datagram.source}, datagram.bytes);
  }
  drain(now);
}

void IcePeer::demultiplex(Timestamp now, const ice::Path& path, std::span<const uint8_t> bytes) {
  if (!agent_) return;
  const auto drop = agent_->handle_datagram(now, path, bytes);
  if (drop != ice::IceDrop::kNotIce) return;
  handle_data(now, path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

void IcePeer::send(Timestamp now, const ice::Path& path, std::span<const uint8_t> bytes) {
  if (Relay* relay = relay_serving(path.local)) {
    const auto route = relay->allocation.route_to(now, path.remote);
    if (!route) return;  // A bind has begun; checks are repeated, and so is what is lost here.
    sim::Datagram out{any_address(route->relay.ip.family(), options_.port), route->relay, {}, {}};
    out.bytes.resize(stun::kChannelDataHeaderBytes);
    stun::write_channel_data_header(std::span(out.bytes).first<stun::kChannelDataHeaderBytes>(),
                                    route->channel, bytes.size());
    out.bytes.insert(out.bytes.end(), bytes.begin(), bytes.end());
    queue_.push_back(std::move(out));
  } else if (is_our_socket(path.local)) {
    queue_.push_back({path.local, path.remote, {bytes.begin(), bytes.end()}, {}});
  }  // Else the relayed address is gone, and the agent is about to hear of it.
}

std::optional<sim::Datagram> IcePeer::poll_transmit() {
  if (queue_.empty()) return std::nullopt;
  sim::Datagram next = std::move(queue_.front());
  queue_.pop_front();
  return next;
}

std::optional<sim::Message> IcePeer::poll_message() {
  if (messages_.empty()) return std::nullopt;
  sim::Message next = std::move(messages_.front());
  messages_.pop_front();
  return next;
}

// --- Time

void IcePeer::handle_timeout(Timestamp now) {
  last_now_ = std::max(last_now_, now);
  // Relays before the agent: what they lost must not be checked any more.
  for (const auto& relay : relays_) relay->allocation.handle_timeout(now);
  drain_relays(now);
  if (agent_) agent_->handle_timeout(now);
  drain(now);
  // D15: whoever got through needs no candidates.
  const bool is_through = agent_ && agent_->ever_succeeded();
  if (candidates_due_ <= now && !is_through) set_state(now, State::kFailed);
  if (grace_ends_ <= now) set_state(now, State::kFailed);
}

Wakeup IcePeer::poll_timeout() const {
  if (!queue_.empty() || !messages_.empty()) return {last_now_, "queued output"};
  Wakeup next;
  for (const auto& relay : relays_) next = earliest(next, relay->allocation.poll_timeout());
  if (agent_) {
    next = earliest(next, agent_->poll_timeout());
    if (!agent_->ever_succeeded()) next = earliest(next, {candidates_due_, "candidate wait"});
  }
  next = earliest(next, {grace_ends_, "disconnect grace"});
  if (selected_ && echo_interval_) next = earliest(next, {next_ping_, "ping"});
  return next;
}

// --- Application

void IcePeer::run_application(Timestamp now) {
  if (!selected_ || !echo_interval_ || now < next_ping_) return;
  next_ping_ = now + *echo_interval_;
  const std::string text = std::string(kPing) + std::to_string(++echo_.sent);
  send(now, *selected_, bytes_of(text));
}

void IcePeer::handle_data(Timestamp now, const ice::Path& path, std::string_view text) {
  const bool is_ping = starts_with(text, kPing);
  if (!is_ping && !starts_with(text, kPong)) return;
  ++echo_.arrivals;
  if (selected_ != path) {
    ++echo_.arrivals_off_path;
    echo_.last_off_path_at = now;
  }
  if (is_ping) {
    const std::string answer = std::string(kPong) + std::string(text.substr(kPing.size()));
    if (selected_) send(now, *selected_, bytes_of(answer));
    return;
  }
  ++echo_.answered;
  if (echo_.first_at.is_never()) echo_.first_at = now;
  echo_.last_at = now;
}

}  // namespace connlib::scenarios
