#include "connlib/client/client_state.h"

#include <algorithm>
#include <utility>

#include "connlib/client/limits.h"

namespace connlib::client {

ClientState::ClientState(const snownet::node::NodeOptions& options, absl::Time date,
                         RandomSource& random, Tracer& tracer, Timestamp now)
    : tracer_(tracer),
      random_(random.next_u64()),
      node_(options, date, random, tracer, now),
      date_(date),
      started_at_(now),
      last_now_(now),
      resources_(kMaxResources),
      pending_(random_),
      known_gateways_(kMaxKnownGateways),
      peers_(kMaxPeerNames),
      connecting_(kConnectingPackets),
      candidates_(kMaxHeldCandidates),
      names_(random),
      nat_(random_) {}

void ClientState::finish(Timestamp now) {
  drain_node(now);
  settle_names(now);
  if (std::exchange(are_views_stale_, false)) refresh_views();
}

void ClientState::reset(Timestamp now) {
  now = clamp(now);
  transmits_.clear();
  node_.reset(now);
  names_.reset_connections(now);
  finish(now);
}

void ClientState::shut_down(Timestamp now) {
  now = clamp(now);
  node_.close_all(now);
  std::vector<PeerName> names;
  names.reserve(peers_.size());
  for (const auto& [name, peer] : peers_.all()) names.push_back(name);
  for (const PeerName& name : names) lose(name);
  finish(now);
}

void ClientState::handle_timeout(Timestamp now) {
  now = clamp(now);
  node_.handle_timeout(now);
  pending_.handle_timeout(now);
  names_.handle_timeout(now);
  nat_.handle_timeout(now);
  if (sites_.handle_timeout(now)) are_views_stale_ = true;
  for (const auto& [name, peer] : peers_.all()) {
    if (ClientSide* client = peer->client()) {
      client->access.expire(now);
      client->flows.handle_timeout(now);
    }
  }
  finish(now);
}

Wakeup ClientState::poll_timeout() {
  if (!events_.empty() || !packets_.empty() || !transmits_.empty() || tun_config_.has_news() ||
      report_.has_news() || candidates_.has_news()) {
    return {last_now_, "output of the client"};
  }
  Wakeup next = earliest(node_.poll_timeout(), pending_.poll_timeout());
  next = earliest(earliest(next, names_.poll_timeout()), nat_.poll_timeout());
  next = earliest(next, sites_.poll_timeout());
  for (const auto& [name, peer] : peers_.all()) {
    if (const ClientSide* client = peer->client()) {
      next = earliest(next, client->flows.poll_timeout());
      next = earliest(next, Wakeup{client->access.next_expiry(), "end access of a client"});
    }
  }
  return next;
}

std::optional<ClientEvent> ClientState::poll_event() {
  if (auto config = tun_config_.poll()) return std::move(*config);
  if (auto report = report_.poll()) return std::move(*report);
  if (const auto key = pending_.poll_request()) return request(*key);
  if (!events_.empty()) {
    ClientEvent event = std::move(events_.front());
    events_.pop_front();
    return event;
  }
  if (auto batch = candidates_.poll()) return portal::FromClient(to_message(std::move(*batch)));
  return std::nullopt;
}

// Spec tunnel 2.5: whom we know already, best first; a device needs no preference.
portal::FromClient ClientState::request(const AuthorizationKey& key) const {
  portal::RequestAuthorization out{key.resource, {}, key.device};
  if (!key.device) {
    out.connected_gateway_ids =
        known_gateways_.preference(authorizations_.previous_gateway(key.resource),
                                   [&](const GatewayId& id) { return peers_.is_connected(id); });
  }
  return out;
}

portal::FromClient ClientState::to_message(CandidateBatch batch) {
  std::vector<portal::CandidateLine> lines;
  lines.reserve(batch.candidates.size());
  for (const std::string& candidate : batch.candidates) {
    if (auto line = portal::CandidateLine::parse(candidate)) lines.push_back(std::move(*line));
  }
  const auto change = batch.kind == CandidateBatch::Kind::kAdded
                          ? portal::CandidateChange::kAdded
                          : portal::CandidateChange::kInvalidated;
  if (const auto* gateway = std::get_if<GatewayId>(&batch.peer)) {
    return portal::GatewayCandidates{change, *gateway, std::move(lines)};
  }
  return portal::ClientCandidates{change, std::get<ClientId>(batch.peer), std::move(lines)};
}

std::optional<std::vector<uint8_t>> ClientState::poll_packet() {
  if (packets_.empty()) return std::nullopt;
  std::vector<uint8_t> packet = std::move(packets_.front());
  packets_.pop_front();
  return packet;
}

std::optional<snownet::node::Transmit> ClientState::poll_transmit() {
  if (auto transmit = node_.poll_transmit()) return transmit;
  if (transmits_.empty()) return std::nullopt;
  snownet::node::Transmit transmit = std::move(transmits_.front());
  transmits_.pop_front();
  return transmit;
}

void ClientState::push_event(ClientEvent event) {
  // Each of them is a fact, however often it is told (lesson e7f1497eff).
  if (std::find(events_.begin(), events_.end(), event) != events_.end()) return;
  if (events_.size() == kMaxQueuedEvents) events_.pop_front();
  events_.push_back(std::move(event));
}

void ClientState::push_packet(std::span<const uint8_t> packet) {
  if (packets_.size() == kMaxQueuedPackets) packets_.pop_front();
  packets_.emplace_back(packet.begin(), packet.end());
}

// Dates of the portal become instants: what expired before the start has expired at it, and what
// our clock cannot count is worth a day (spec tunnel 2.10).
Timestamp ClientState::instant_of(absl::Time date) const {
  if (date == absl::InfiniteFuture()) return Timestamp::never();
  const absl::Duration after_start = std::max(date - date_, absl::ZeroDuration());
  if (after_start > absl::Hours(24 * 365 * 100)) return last_now_ + std::chrono::hours(24);
  return started_at_ + absl::ToChronoNanoseconds(after_start);
}

}  // namespace connlib::client
