#include "connlib/portal/server/session_table.h"

namespace connlib::portal::server {
namespace {

Role role_of_peer(const Peer& peer) { return static_cast<Role>(peer.index()); }

Duration patience(const Session& session) {
  return role_of(session) == Role::kRelay ? kRelayIdleTimeout : kPeerIdleTimeout;
}

template <typename Map>
Session* current(const Map& map, const typename Map::key_type& id) {
  const auto found = map.find(id);
  return found == map.end() ? nullptr : found->second;
}

template <typename Map>
void erase_current(Map& map, const typename Map::key_type& id, const Session& session) {
  const auto found = map.find(id);
  if (found != map.end() && found->second == &session) map.erase(found);
}

}  // namespace

Session& SessionTable::open(Timestamp now, const TokenId& token, Peer peer) {
  const SessionId id(next_id_++);
  const Role role = role_of_peer(peer);
  auto session = std::make_unique<Session>(Session{
      .id = id, .token = token, .channel = PortalChannel(role, now), .peer = std::move(peer)});
  Session& out = *session;
  sessions_.emplace(id, std::move(session));
  if (const auto* client = std::get_if<ClientPeer>(&out.peer)) clients_[client->id] = &out;
  if (const auto* gateway = std::get_if<GatewayPeer>(&out.peer)) gateways_[gateway->id] = &out;
  note_heard(now, out);
  return out;
}

void SessionTable::note_heard(Timestamp now, Session& session) {
  idle_.erase({session.idle_at, session.id});
  session.idle_at = now + patience(session);
  idle_.emplace(session.idle_at, session.id);
}

void SessionTable::note_ended(Session& session) {
  session.has_ended = true;
  idle_.erase({session.idle_at, session.id});
  if (const auto* client = std::get_if<ClientPeer>(&session.peer)) {
    erase_current(clients_, client->id, session);
  }
  if (const auto* gateway = std::get_if<GatewayPeer>(&session.peer)) {
    erase_current(gateways_, gateway->id, session);
  }
}

void SessionTable::close(const SessionId& id) { sessions_.erase(id); }

Session* SessionTable::find(const SessionId& id) const {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second.get();
}

Session* SessionTable::client(const ClientId& id) const { return current(clients_, id); }
Session* SessionTable::gateway(const GatewayId& id) const { return current(gateways_, id); }

std::vector<Session*> SessionTable::with_token(const TokenId& token) const {
  std::vector<Session*> out;
  for (const auto& [id, session] : sessions_) {
    if (!session->has_ended && session->token == token) out.push_back(session.get());
  }
  return out;
}

void SessionTable::push(Timestamp now, Session& session, const Encoded& message) {
  if (session.has_ended || !session.channel.is_joined()) return;
  session.channel.push(now, message);
  note_output(session);
}

void SessionTable::note_output(Session& session) {
  if (session.channel.is_closed() && !session.has_ended) overrun_.push_back(session.id);
  if (session.is_ready) return;
  session.is_ready = true;
  ready_.push_back(session.id);
}

std::vector<Session*> SessionTable::take_overrun() {
  std::vector<Session*> out;
  for (const SessionId& id : std::exchange(overrun_, {})) {
    Session* session = find(id);
    if (session != nullptr && !session->has_ended) out.push_back(session);
  }
  return out;
}

std::optional<SessionId> SessionTable::poll_ready() {
  while (!ready_.empty()) {
    const SessionId id = ready_.front();
    ready_.pop_front();
    Session* session = find(id);
    if (session == nullptr) continue;
    session->is_ready = false;
    return id;
  }
  return std::nullopt;
}

std::vector<Session*> SessionTable::take_idle(Timestamp now) {
  std::vector<Session*> out;
  while (!idle_.empty() && idle_.begin()->first <= now) {
    out.push_back(find(idle_.begin()->second));
    idle_.erase(idle_.begin());
  }
  return out;
}

Timestamp SessionTable::next_idle_at() const {
  return idle_.empty() ? Timestamp::never() : idle_.begin()->first;
}

}  // namespace connlib::portal::server
