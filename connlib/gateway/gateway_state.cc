// GatewayState: the portal, names and time. The packet path is in gateway_packets.cc.
#include "connlib/gateway/gateway_state.h"

#include <algorithm>
#include <map>
#include <utility>

#include "connlib/gateway/connection_request.h"
#include "connlib/model/addressing.h"

namespace connlib::gateway {
namespace {

using snownet::node::Upserted;

constexpr std::string_view kModule = "gateway";

TunnelAddresses tunnel_addresses(const portal::TunnelAddresses& from) {
  return {from.ipv4, from.ipv6};
}

// A refusal is not acknowledged: the portal tells the client after fifteen seconds.
void trace_refusal(Tracer& tracer, const portal::CreateAuthorization& authorization,
                   std::string_view why) {
  tracer.trace(TraceLevel::kWarn, kModule, "authorization refused",
               {{"client", authorization.client.id.value()},
                {"resource", authorization.resource.id.value()},
                {"why", why}});
}

}  // namespace

GatewayState::GatewayState(snownet::node::NodeOptions options, absl::Time date,
                           RandomSource& random, Tracer& tracer, Timestamp now)
    : tracer_(tracer),
      clock_(now, date),
      node_(options, date, random, tracer, now),
      flows_(now, date),
      last_now_(now) {}

// --- The portal.

void GatewayState::handle_portal_message(Timestamp now, const portal::ToGateway& message) {
  now = clamp(now);
  std::visit([&](const auto& it) { take(now, it); }, message);
  finish(now);
}

void GatewayState::handle_portal_connection(Timestamp now, bool is_connected) {
  clamp(now);
  candidates_.handle_portal(is_connected);
}

void GatewayState::take(Timestamp now, const portal::GatewayInit& init) {
  const TunnelAddresses own = tunnel_addresses(init.interface);
  if (own_ != own) {
    own_ = own;
    events_.emplace_back(InterfaceChanged{init.interface});
  }
  node_.update_relays(now, {}, relay_listings(init.relays));
  flow_logs_ = init.flow_logs;
  settle_recording(now);

  // The list is complete: whoever is not in it loses everything (spec tunnel 6.2).
  std::map<ClientId, std::map<ResourceId, Timestamp>> listed;
  for (const portal::Grant& grant : init.authorizations) {
    listed[grant.client_id][grant.resource_id] = clock_.instant_of(grant.expires_at, now);
  }
  for (ClientOnGateway* client : clients_.all()) {
    client->retain(listed[client->id()]);
    dismiss_if_empty(now, *client);
  }
}

void GatewayState::take(Timestamp now, const portal::CreateAuthorization& authorization) {
  ClientOnGateway* client = settle(now, authorization);
  if (client == nullptr) return;
  const auto added =
      client->grant({.resource = authorization.resource,
                     .expires_at = clock_.instant_of(authorization.expires_at, now),
                     .flows = flows_.attribute(authorization.flow_logs_ingest_token.clone())});
  clients_.schedule(*client);
  if (added == Grants::Added::kFull) {
    trace_refusal(tracer_, authorization, "too many grants");
    return;
  }
  ToPortal acknowledged;
  acknowledged.message = portal::AuthorizationAcknowledged{authorization.ref};
  events_.emplace_back(std::move(acknowledged));
}

// settle() finds the client of an authorization or makes it, connected; null when it is refused.
ClientOnGateway* GatewayState::settle(Timestamp now,
                                      const portal::CreateAuthorization& authorization) {
  const TunnelAddresses addresses = tunnel_addresses(authorization.client.addresses);
  const bool is_usable = own_.has_value() && kPeerRange.contains(addresses.v4) &&
                         kPeerRange.contains(addresses.v6) && !own_->contains(addresses.v4) &&
                         !own_->contains(addresses.v6);
  if (!is_usable) {
    trace_refusal(tracer_, authorization, own_ ? "no address of a client" : "no interface yet");
    return nullptr;
  }
  ClientOnGateway* client = clients_.find(authorization.client.id);
  if (client == nullptr && clients_.is_full()) {
    trace_refusal(tracer_, authorization, "too many clients");
    return nullptr;
  }
  // An address has one device. If another has it still, the portal has given it away since.
  for (const IpFamily family : {IpFamily::kV4, IpFamily::kV6}) {
    ClientOnGateway* former = clients_.find(addresses.of(family));
    if (former != nullptr && former != client) dismiss(now, *former);
  }
  const PeerId peer = client == nullptr ? clients_.next_peer() : client->peer();
  if (!connect(now, peer, authorization)) return nullptr;
  if (client == nullptr) return clients_.add(authorization.client.id, addresses, now);
  if (client->addresses() == addresses) return client;
  return clients_.readdress(*client, addresses, now);
}

bool GatewayState::connect(Timestamp now, PeerId peer,
                           const portal::CreateAuthorization& authorization) {
  if (authorization.use_iceless) {
    trace_refusal(tracer_, authorization, "connections without ICE are not supported");
    return false;
  }
  auto options = connection_options(authorization);
  if (!options) {
    trace_refusal(tracer_, authorization, "malformed ICE credentials");
    return false;
  }
  switch (node_.upsert_connection(now, peer, *std::move(options))) {
    case Upserted::kCreated:
    case Upserted::kReused:
      return true;
    case Upserted::kReplaced:
      candidates_.forget(authorization.client.id);
      return true;
    case Upserted::kNoRelays:
      has_no_relays_ = true;
      return false;
    case Upserted::kInvalidKey:
      trace_refusal(tracer_, authorization, "invalid key");
      return false;
    case Upserted::kConflict:
      trace_refusal(tracer_, authorization, "another client has this key or these credentials");
      return false;
    case Upserted::kTooMany:
      trace_refusal(tracer_, authorization, "too many connections");
      return false;
  }
  return false;
}

void GatewayState::take(Timestamp now, const portal::ClientCandidates& candidates) {
  const ClientOnGateway* client = clients_.find(candidates.client_id);
  if (client == nullptr) return;
  for (const portal::CandidateLine& line : candidates.candidates) {
    if (candidates.change == portal::CandidateChange::kAdded) {
      node_.add_remote_candidate(now, client->peer(), line.text());
    } else {
      node_.remove_remote_candidate(now, client->peer(), line.text());
    }
  }
}

void GatewayState::take(Timestamp now, const portal::RelaysPresence& relays) {
  node_.update_relays(now, relays.disconnected_ids, relay_listings(relays.connected));
}

void GatewayState::take(Timestamp now, const portal::RejectAccess& rejected) {
  ClientOnGateway* client = clients_.find(rejected.client_id);
  if (client == nullptr) return;
  client->revoke(rejected.resource_id);
  dismiss_if_empty(now, *client);
}

void GatewayState::take(Timestamp, const portal::GatewayResourceUpdated& updated) {
  // Every gateway of the account is told, also those that serve nobody for it.
  for (ClientOnGateway* client : clients_.all()) {
    if (client->update_filters(updated.resource) == Grants::Updated::kOtherAddress) {
      tracer_.trace(TraceLevel::kWarn, kModule, "an update cannot move a resource",
                    {{"resource", updated.resource.id.value()}});
    }
  }
}

void GatewayState::take(Timestamp, const portal::AccessExpiryUpdated&) {
  // Portals no longer send it (spec portal-protocol 4).
}

// --- Clients that go.

// dismiss_if_empty() ends a client whose last grant is gone, and keeps its deadline otherwise.
void GatewayState::dismiss_if_empty(Timestamp now, ClientOnGateway& client) {
  if (client.has_grants()) {
    clients_.schedule(client);
  } else {
    dismiss(now, client);
  }
}

void GatewayState::dismiss(Timestamp now, ClientOnGateway& client) {
  node_.close_connection(now, client.peer());  // Says goodbye.
  forget(client);
}

void GatewayState::forget(ClientOnGateway& client) {
  candidates_.forget(client.id());
  resolutions_.forget(client.id());
  clients_.remove(client.peer());
}

void GatewayState::shut_down(Timestamp now) {
  now = clamp(now);
  for (ClientOnGateway* client : clients_.all()) forget(*client);
  node_.close_all(now);
  flows_.end_all(now);
  finish(now);
}

void GatewayState::want_flow_records(Timestamp now, bool is_wanted) {
  are_records_wanted_ = is_wanted;
  settle_recording(clamp(now));
}

void GatewayState::settle_recording(Timestamp now) {
  if (are_records_wanted_ || flow_logs_.upload_interval > std::chrono::seconds(0)) {
    flows_.enable(flow_logs_.upload_batch_size);
  } else {
    flows_.disable(now);
  }
}

void GatewayState::reset(Timestamp now) {
  now = clamp(now);
  node_.reset(now);
  finish(now);
}

// --- Names.

void GatewayState::handle_resolution(Timestamp now, ResolutionId id,
                                     std::optional<std::span<const IpAddress>> addresses,
                                     std::optional<Duration> ttl) {
  now = clamp(now);
  using enum control::DomainStatus::Status;
  for (const ResolutionWaiter& waiter : resolutions_.take(id)) {
    ClientOnGateway* client = clients_.find(waiter.client);
    const bool is_active =
        client != nullptr && addresses.has_value() && client->install(now, waiter, *addresses, ttl);
    if (client != nullptr) clients_.schedule(*client);
    answer(waiter, is_active ? kActive : kInactive);
  }
  finish(now);
}

void GatewayState::answer(const ResolutionWaiter& waiter, control::DomainStatus::Status status) {
  const ClientOnGateway* client = clients_.find(waiter.client);
  // A name that cannot be refreshed leads where it led: its client has nothing to hear of it.
  if (client == nullptr || !waiter.wants_answer) return;
  const auto packet =
      control::encode_control_event(control::DomainStatus{waiter.resource, waiter.domain, status});
  if (packet) replies_.push(client->peer(), *packet);
}

// --- Time and outputs.

void GatewayState::handle_timeout(Timestamp now) {
  now = clamp(now);
  node_.handle_timeout(now);
  while (ClientOnGateway* client = clients_.next_due(now)) {
    client->handle_timeout(now);
    for (ResolutionWaiter& name : client->take_refreshes(now)) ask(now, std::move(name));
    dismiss_if_empty(now, *client);
  }
  for (const ResolutionWaiter& lost : resolutions_.take_overdue(now)) {
    answer(lost, control::DomainStatus::Status::kInactive);
  }
  flows_.handle_timeout(now);
  finish(now);
}

// finish() ends every input: clients that said goodbye go, replies leave, the node's events are
// read.
void GatewayState::finish(Timestamp now) {
  for (const PeerId peer : departed_) {
    ClientOnGateway* client = clients_.find(peer);
    if (client == nullptr) continue;
    node_.remove_connection(now, peer);
    forget(*client);
  }
  departed_.clear();
  replies_.drain([&](PeerId peer, std::span<const uint8_t> packet) { send(now, peer, packet); });
  while (auto event = node_.poll_event()) {
    std::visit([&](const auto& it) { take(it); }, *event);
  }
}

void GatewayState::take(const snownet::node::CandidateAdded& added) {
  if (const ClientOnGateway* client = clients_.find(added.peer)) {
    candidates_.add(client->id(), added.line, added.priority);
  }
}

void GatewayState::take(const snownet::node::CandidateRemoved& removed) {
  if (const ClientOnGateway* client = clients_.find(removed.peer)) {
    candidates_.remove(client->id(), removed.line);
  }
}

void GatewayState::take(const snownet::node::Established&) {}

// Grants outlive the connection: a client that comes back believes in them still, and the portal
// does not send them again (lesson cd177a6448).
void GatewayState::take(const snownet::node::Failed& failed) { forget_candidates(failed.peer); }
void GatewayState::take(const snownet::node::Closed& closed) { forget_candidates(closed.peer); }

void GatewayState::forget_candidates(PeerId peer) {
  if (const ClientOnGateway* client = clients_.find(peer)) candidates_.forget(client->id());
}

void GatewayState::take(const snownet::node::NoRelays&) { has_no_relays_ = true; }
void GatewayState::take(const snownet::node::KeyChanged& changed) {
  events_.emplace_back(KeyChanged{changed.key});
}

std::optional<snownet::node::Transmit> GatewayState::poll_transmit() {
  if (auto transmit = node_.poll_transmit()) return transmit;
  return transmits_.pop();
}

std::optional<GatewayEvent> GatewayState::poll_event() {
  // Acknowledgements come first: the portal knows no candidates for a client before (4.2).
  if (!events_.empty()) {
    GatewayEvent event = std::move(events_.front());
    events_.pop_front();
    return event;
  }
  // Said once until it is read: a portal that was away must not find a pile (lesson e7f1497eff).
  if (std::exchange(has_no_relays_, false)) return ToPortal{portal::NoRelays{}};
  auto batch = candidates_.poll();
  if (!batch) return flows_.poll_batch();
  portal::BroadcastCandidates message{batch->change, {batch->peer}, {}};
  for (const std::string& line : batch->candidates) {
    if (auto parsed = portal::CandidateLine::parse(line)) {
      message.candidates.push_back(*std::move(parsed));
    }
  }
  return ToPortal{std::move(message)};
}

Wakeup GatewayState::poll_timeout() {
  if (!transmits_.empty()) return {last_now_, "send replies"};
  if (!events_.empty() || has_no_relays_ || candidates_.has_news() || flows_.has_batch()) {
    return {last_now_, "report events"};
  }
  Wakeup next = node_.poll_timeout();
  next = earliest(next, {clients_.next_deadline(), "expire grants and NAT sessions"});
  next = earliest(next, flows_.poll_timeout());
  return earliest(next, {resolutions_.next_timeout(), "give up a resolution"});
}

}  // namespace connlib::gateway
