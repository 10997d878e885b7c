#include "connlib/portal/server/conversation.h"

#include <algorithm>
#include <utility>

#include "connlib/portal/relay_messages.h"
#include "connlib/portal/server/inits.h"
#include "connlib/portal/server/portal_state.h"

namespace connlib::portal::server {
namespace {

constexpr absl::Duration kMinViewInterval = absl::Milliseconds(100);

}  // namespace

std::optional<DeviceId> device_of(const Session& session) {
  if (const auto* client = std::get_if<ClientPeer>(&session.peer)) return device_id(client->id);
  if (const auto* gateway = std::get_if<GatewayPeer>(&session.peer)) return device_id(gateway->id);
  return std::nullopt;
}

// --- Beginning and end

SessionId Conversation::open(const TokenId& token, Peer peer) {
  if (const auto* client = std::get_if<ClientPeer>(&peer)) {
    if (Session* older = core_->sessions.client(client->id)) disconnect(*older);
  }
  if (const auto* gateway = std::get_if<GatewayPeer>(&peer)) {
    // The newest wins, but nobody is logged out: the older one may be a link that died silently.
    if (Session* older = core_->sessions.gateway(gateway->id)) close(*older, kCloseServiceRestart);
  }
  const Session& session = core_->sessions.open(core_->now, token, std::move(peer));
  if (const auto* client = std::get_if<ClientPeer>(&session.peer)) {
    authorizer_.handle_client_connected(token, *client);
  }
  settle();
  return session.id;
}

void Conversation::disconnect(Session& session) {
  if (session.has_ended) return;
  session.channel.disconnect(core_->now);
  core_->sessions.note_output(session);
  leave(session);
}

void Conversation::close(Session& session, uint16_t code) {
  if (session.has_ended) return;
  session.channel.close(core_->now, code);
  core_->sessions.note_output(session);
  leave(session);
}

void Conversation::leave(Session& session) {
  if (session.has_ended) return;
  core_->sessions.note_ended(session);
  core_->record(PeerLeft{session.token, device_of(session), core_->date()});
  if (const auto* client = std::get_if<ClientPeer>(&session.peer)) {
    core_->pending.forget_client(client->id);
    if (client->view.changes_at) views_.erase({*client->view.changes_at, session.id});
  } else if (const auto* gateway = std::get_if<GatewayPeer>(&session.peer)) {
    authorizer_.handle_gateway_left(gateway->id);
  } else if (const auto& relay = std::get<RelayPeer>(session.peer); relay.id) {
    const auto holder = core_->relay_sessions.find(*relay.id);
    if (holder != core_->relay_sessions.end() && holder->second == session.id) {
      core_->relay_sessions.erase(holder);
      core_->relays.remove(core_->now, *relay.id);
    }
  }
}

void Conversation::handle_closed(const SessionId& id) {
  Session* session = core_->sessions.find(id);
  if (session == nullptr) return;
  leave(*session);
  core_->sessions.close(id);
  settle();
}

void Conversation::settle() {
  for (auto overrun = core_->sessions.take_overrun(); !overrun.empty();
       overrun = core_->sessions.take_overrun()) {
    for (Session* session : overrun) leave(*session);
  }
}

// --- Frames

void Conversation::handle_text(const SessionId& id, std::string_view text) {
  Session* session = core_->sessions.find(id);
  if (session == nullptr || session->has_ended) return;
  session->channel.handle_text(core_->now, text);
  core_->sessions.note_heard(core_->now, *session);
  core_->sessions.note_output(*session);
  while (auto event = session->channel.poll_event()) {
    if (session->has_ended) continue;
    if (const auto* asked = std::get_if<PortalChannel::JoinAsked>(&*event)) {
      handle_join(*session, asked->frame);
    } else if (const auto* received = std::get_if<PortalChannel::Received>(&*event)) {
      handle_message(*session, received->frame);
    }
  }
  settle();
}

// What costs more than its question has an allowance. A peer that spends it comes back later.
bool Conversation::allow(Session& session) {
  if (session.allowance.take(core_->now)) return true;
  ++core_->counters.beyond_allowance;
  return false;
}

void Conversation::handle_join(Session& session, const PeerFrame& frame) {
  if (!allow(session)) return close(session, kCloseServiceRestart);
  ++core_->counters.joins;
  if (auto* relay = std::get_if<RelayPeer>(&session.peer))
    return join_relay(session, *relay, frame);
  session.channel.accept_join(core_->now, frame.ref);
  core_->sessions.note_output(session);
  if (auto* gateway = std::get_if<GatewayPeer>(&session.peer)) {
    return core_->push(session, ToGateway(make_gateway_init(*core_, *gateway)));
  }
  auto& client = std::get<ClientPeer>(session.peer);
  if (client.view.changes_at) views_.erase({*client.view.changes_at, session.id});
  core_->push(session, ToClient(make_client_init(*core_, client)));
  schedule_view(session);
}

// A relay is who knows its secret. Of two the newest wins (spec 1.12).
void Conversation::join_relay(Session& session, RelayPeer& relay, const PeerFrame& frame) {
  auto join = decode_relay_join(frame.payload());
  const auto id = join ? core_->relays.add(core_->now, std::move(join->stamp_secret), relay.address)
                       : std::nullopt;
  if (!id) {
    session.channel.refuse_join(core_->now, frame.ref, "join crashed");
    return core_->sessions.note_output(session);
  }
  if (relay.id && *relay.id != *id && core_->relay_sessions.erase(*relay.id) > 0) {
    core_->relays.remove(core_->now, *relay.id);
  }
  relay.id = id;
  const auto holder = core_->relay_sessions.find(*id);
  const SessionId older = holder == core_->relay_sessions.end() ? session.id : holder->second;
  core_->relay_sessions.insert_or_assign(*id, session.id);
  Session* loser = older == session.id ? nullptr : core_->sessions.find(older);
  if (loser != nullptr) close(*loser, kCloseServiceRestart);
  session.channel.accept_join(core_->now, frame.ref);
  core_->push(session, ToRelay(RelayInit{}));
}

void Conversation::reply_unknown(Session& session, Ref ref) {
  ++core_->counters.unknown_messages;
  session.channel.reply_error(core_->now, ref, "unknown_message");
  core_->sessions.note_output(session);
}

void Conversation::handle_message(Session& session, const PeerFrame& frame) {
  if (std::holds_alternative<ClientPeer>(session.peer)) {
    auto decoded = decode_from_client(frame.event, frame.payload());
    if (const auto* message = decoded.message()) return handle(session, *message);
  } else if (std::holds_alternative<GatewayPeer>(session.peer)) {
    auto decoded = decode_from_gateway(frame.event, frame.payload());
    if (const auto* message = decoded.message()) return handle(session, frame.ref, *message);
  }
  reply_unknown(session, frame.ref);  // Relays have nothing to say (spec 5).
}

void Conversation::handle(Session& session, const FromClient& message) {
  const auto& client = std::get<ClientPeer>(session.peer);
  if (const auto* request = std::get_if<RequestAuthorization>(&message)) {
    if (allow(session)) authorizer_.handle_request(session, *request);
  } else if (const auto* candidates = std::get_if<GatewayCandidates>(&message)) {
    forward(client, *candidates);
  } else if (std::holds_alternative<NoRelays>(message)) {
    if (allow(session)) send_relays(session);
  } else if (const auto* to_client = std::get_if<ClientCandidates>(&message)) {
    // No client is connected with another: nothing of the kind was ever granted.
    core_->push(session, ToClient(ClientCandidateError{to_client->client_id,
                                                       FailureReason::Code::kOffline}));
  } else if (const auto* resolve = std::get_if<ResolveDeviceDomain>(&message)) {
    core_->push(session, ToClient(DeviceDomainFailed{resolve->resource_id, resolve->domain,
                                                     FailureReason::Code::kNotFound}));
  }  // Capabilities: all that we could learn is what we do not offer.
}

void Conversation::handle(Session& session, Ref ref, const FromGateway& message) {
  if (const auto* ready = std::get_if<AuthorizationAcknowledged>(&message)) {
    authorizer_.handle_acknowledgement(session, ref, *ready);
  } else if (const auto* candidates = std::get_if<BroadcastCandidates>(&message)) {
    forward(std::get<GatewayPeer>(session.peer), *candidates);
  } else if (std::holds_alternative<NoRelays>(message)) {
    if (allow(session)) send_relays(session);
  }
}

// Only who holds a grant for each other may talk: neither a client nor a gateway can make the
// portal carry text to just anybody.
void Conversation::forward(const ClientPeer& client, const GatewayCandidates& message) {
  Session* gateway = core_->sessions.gateway(message.gateway_id);
  if (gateway == nullptr || !core_->grants.connects(client.id, message.gateway_id)) {
    ++core_->counters.withheld_candidates;
    return;
  }
  core_->push(*gateway, ToGateway(ClientCandidates{message.change, client.id, message.candidates}));
}

void Conversation::forward(const GatewayPeer& gateway, const BroadcastCandidates& message) {
  const size_t count = std::min(message.client_ids.size(), kMaxBroadcastClients);
  core_->counters.withheld_candidates += message.client_ids.size() - count;
  for (size_t i = 0; i < count; ++i) {
    Session* client = core_->sessions.client(message.client_ids[i]);
    if (client == nullptr || !core_->grants.connects(message.client_ids[i], gateway.id)) {
      ++core_->counters.withheld_candidates;
      continue;
    }
    core_->push(*client,
                ToClient(GatewayCandidates{message.change, gateway.id, message.candidates}));
  }
}

// --- Relays

void Conversation::send_relays(Session& session) {
  if (auto* client = std::get_if<ClientPeer>(&session.peer)) {
    core_->push(session, ToClient(RelaysPresence{
                             {}, core_->relays.pick(client->relays, relay_user(*client))}));
  } else if (auto* gateway = std::get_if<GatewayPeer>(&session.peer)) {
    core_->push(session, ToGateway(RelaysPresence{
                             {}, core_->relays.pick(gateway->relays, relay_user(*gateway))}));
  }
}

void Conversation::tell_relays() {
  for (const auto& [id, session] : core_->sessions.clients()) {
    auto& client = std::get<ClientPeer>(session->peer);
    if (!session->channel.is_joined()) continue;
    if (auto news = core_->relays.news_for(client.relays, relay_user(client))) {
      core_->push(*session, ToClient(*std::move(news)));
    }
  }
  for (const auto& [id, session] : core_->sessions.gateways()) {
    auto& gateway = std::get<GatewayPeer>(session->peer);
    if (!session->channel.is_joined()) continue;
    if (auto news = core_->relays.news_for(gateway.relays, relay_user(gateway))) {
      core_->push(*session, ToGateway(*std::move(news)));
    }
  }
}

// --- Time

void Conversation::schedule_view(Session& session) {
  auto& client = std::get<ClientPeer>(session.peer);
  if (!client.view.changes_at || session.has_ended) return;
  // In the future, whatever the conditions say: looking again must not become a loop.
  client.view.changes_at = std::max(*client.view.changes_at, core_->date() + kMinViewInterval);
  views_.emplace(*client.view.changes_at, session.id);
}

void Conversation::update_view(Session& session, const std::set<ResourceId>& edited) {
  const auto& client = std::get<ClientPeer>(session.peer);
  if (!session.channel.is_joined()) return;  // Its `init` will say it all.
  if (client.view.changes_at) views_.erase({*client.view.changes_at, session.id});
  push_view(*core_, session, edited);
  schedule_view(session);
}

void Conversation::handle_views() {
  while (!views_.empty() && views_.begin()->first <= core_->date()) {
    Session* session = core_->sessions.find(views_.begin()->second);
    views_.erase(views_.begin());
    if (session == nullptr || session->has_ended) continue;
    auto& client = std::get<ClientPeer>(session->peer);
    client.view.changes_at.reset();
    if (client.subject.session_ends_at.value_or(absl::InfiniteFuture()) <= core_->date()) {
      disconnect(*session);
    } else {
      update_view(*session, {});
    }
  }
}

void Conversation::handle_timeout() {
  for (Session* session : core_->sessions.take_idle(core_->now)) {
    session->channel.handle_timeout(core_->now);
    core_->sessions.note_output(*session);
    leave(*session);
  }
  authorizer_.handle_timeout();
  handle_views();
  if (core_->relays.take_quiet(core_->now)) tell_relays();
  settle();
}

Wakeup Conversation::poll_timeout() const {
  Wakeup next{core_->sessions.next_idle_at(), "close an idle session"};
  next = earliest(next, core_->pending.poll_timeout());
  next = earliest(next, core_->relays.poll_timeout());
  if (const auto ends_at = core_->grants.next_expiry()) {
    next = earliest(next, {core_->instant_of(*ends_at), "a grant ends"});
  }
  if (!views_.empty()) {
    next = earliest(next, {core_->instant_of(views_.begin()->first), "a list changes by itself"});
  }
  return next.at.is_never() ? Wakeup::none() : next;
}

}  // namespace connlib::portal::server
