#include "connlib/dns/tcp/client.h"

#include <algorithm>
#include <utility>

#include "connlib/base/bytes.h"
#include "connlib/dns/header.h"
#include "connlib/dns/tcp/framing.h"
#include "connlib/packet/icmp_error.h"

namespace connlib::dns::tcp {
namespace {

bool is_same(const PacketAddresses& a, const PacketAddresses& b) {
  return a.from == b.from && a.to == b.to;
}

}  // namespace

bool Client::send(Timestamp now, QueryId id, const IpAddress& local_ip, const SocketAddress& server,
                  std::span<const uint8_t> query) {
  last_now_ = std::max(last_now_, now);
  if (query.size() < kHeaderBytes || query.size() > UINT16_MAX) return false;
  if (local_ip.family() != server.ip.family()) return false;
  auto it = sessions_.find(server);
  if (it == sessions_.end()) {
    if (sessions_.size() >= kMaxConnections) return false;
    it = sessions_.emplace(server, Session{connect(local_ip, server), {}, last_now_, false}).first;
  }
  Session& session = it->second;
  if (session.queries.size() >= kMaxQueries) return false;
  session.queries.emplace(free_wire_id(session), Query{.id = id,
                                                       .message = {query.begin(), query.end()},
                                                       .deadline = last_now_ + kInTunnelTimeout});
  update(session);
  return true;
}

Connection Client::connect(const IpAddress& local_ip, const SocketAddress& server) {
  PacketAddresses addresses{{local_ip, 0}, server};
  const auto was_used = [&](const PacketAddresses& other) { return is_same(addresses, other); };
  do {
    addresses.from.port = static_cast<uint16_t>(kFirstLocalPort + random_.below(kLocalPorts));
  } while (std::any_of(closed_.begin(), closed_.end(), was_used));
  return Connection::connect(addresses, random_.next_u32(), last_now_);
}

uint16_t Client::free_wire_id(const Session& session) {
  for (;;) {
    const auto id = static_cast<uint16_t>(random_.next_u32());
    if (!session.queries.contains(id)) return id;
  }
}

Client::Session* Client::find(const PacketAddresses& addresses) {
  const auto it = sessions_.find(addresses.to);
  if (it == sessions_.end() || !is_same(it->second.connection.addresses(), addresses)) {
    return nullptr;
  }
  return &it->second;
}

bool Client::handle_packet(Timestamp now, IpPacket& packet) {
  last_now_ = std::max(last_now_, now);
  if (packet.is_icmp_error()) return handle_icmp_error(packet);
  const auto segment = packet.tcp();
  if (!segment) return false;
  const PacketAddresses ours{{packet.destination(), segment->destination_port()},
                             {packet.source(), segment->source_port()}};
  if (Session* session = find(ours)) {
    session->connection.handle_segment(last_now_, *segment);
    const State state = session->connection.state();
    if (state == State::kEstablished || state == State::kCloseWait) {
      session->was_established = true;
    }
    update(*session);
    drop_finished();
    return true;
  }
  return std::any_of(closed_.begin(), closed_.end(),
                     [&](const PacketAddresses& closed) { return is_same(closed, ours); });
}

bool Client::handle_icmp_error(IpPacket& packet) {
  const auto error = parse_icmp_error(packet);
  if (!error) return false;
  const Protocol source = error->quoted.source_protocol();
  if (source.kind != Protocol::Kind::kTcp) return false;
  Session* session =
      find({{error->quoted.source(), source.value},
            {error->quoted.destination(), error->quoted.destination_protocol().value}});
  if (session == nullptr) return false;
  fail_all(*session, QueryFailure::kUnreachable);
  session->connection.abort();
  drop_finished();
  return true;
}

void Client::reset(Timestamp now) {
  last_now_ = std::max(last_now_, now);
  for (auto& [server, session] : sessions_) {
    fail_all(session, QueryFailure::kReset);
    remember_closed(session.connection);
  }
  sessions_.clear();
}

// What follows from whatever happened to the connection.
void Client::update(Session& session) {
  read_responses(session);
  if (session.connection.state() == State::kClosed) handle_closed(session);
  // The server will say no more: what is pending needs another connection.
  if (session.connection.is_receive_finished() && !session.connection.is_closed()) {
    session.connection.abort();
    handle_closed(session);
  }
  write_queries(session);
  if (!session.queries.empty()) session.idle_since = last_now_;
}

void Client::write_queries(Session& session) {
  for (auto& [wire_id, query] : session.queries) {
    if (query.is_written) continue;
    auto bytes = framed(query.message);
    store_be16(&bytes[kLengthBytes], wire_id);
    if (!session.connection.write(bytes)) return;
    query.is_written = true;
    ++query.attempts;
  }
}

void Client::read_responses(Session& session) {
  const auto stream = session.connection.received();
  size_t at = 0;
  while (const auto message = next_message(stream.subspan(at))) {
    at += kLengthBytes + message->size();
    if (message->size() < kHeaderBytes) continue;
    const auto query = session.queries.find(load_be16(message->data()));
    if (query == session.queries.end() || !query->second.is_written) continue;
    std::vector<uint8_t> response(message->begin(), message->end());
    store_be16(response.data(), load_be16(query->second.message.data()));
    results_.push_back({query->second.id, std::move(response)});
    session.queries.erase(query);
  }
  if (at > 0) session.connection.consume(at);
}

// Servers close when they are idle, just as the next query arrives: those are asked again. A
// connection that never came about will not come about now.
void Client::handle_closed(Session& session) {
  const bool is_silent = session.connection.close_reason() == CloseReason::kTimedOut;
  for (auto it = session.queries.begin(); it != session.queries.end();) {
    Query& query = it->second;
    if (!is_silent && session.was_established && query.attempts < kMaxAttempts) {
      query.is_written = false;
      ++it;
    } else {
      results_.push_back({query.id, is_silent ? QueryFailure::kTimedOut : QueryFailure::kReset});
      it = session.queries.erase(it);
    }
  }
  if (session.queries.empty()) return;
  const PacketAddresses old = session.connection.addresses();
  remember_closed(session.connection);
  session.connection = connect(old.from.ip, old.to);
  session.was_established = false;
}

void Client::fail_all(Session& session, QueryFailure failure) {
  for (auto& [wire_id, query] : session.queries) results_.push_back({query.id, failure});
  session.queries.clear();
}

void Client::remember_closed(const Connection& connection) {
  if (closed_.size() == kMaxClosed) closed_.pop_front();
  closed_.push_back(connection.addresses());
}

// Connections without queries go when they are closed and have said so.
void Client::drop_finished() {
  for (auto it = sessions_.begin(); it != sessions_.end();) {
    if (!it->second.connection.is_closed() || !it->second.queries.empty()) {
      ++it;
      continue;
    }
    remember_closed(it->second.connection);
    it = sessions_.erase(it);
  }
}

Timestamp Client::idle_deadline(const Session& session) const {
  return session.queries.empty() && session.connection.state() != State::kClosed
             ? session.idle_since + kIdleTimeout
             : Timestamp::never();
}

void Client::handle_timeout(Timestamp now) {
  last_now_ = std::max(last_now_, now);
  for (auto& [server, session] : sessions_) {
    session.connection.handle_timeout(last_now_);
    for (auto it = session.queries.begin(); it != session.queries.end();) {
      if (last_now_ < it->second.deadline) {
        ++it;
        continue;
      }
      results_.push_back({it->second.id, QueryFailure::kTimedOut});
      it = session.queries.erase(it);
    }
    update(session);
    if (idle_deadline(session) <= last_now_) session.connection.abort();
  }
  drop_finished();
}

Wakeup Client::poll_timeout() const {
  if (!results_.empty()) return {last_now_, "DNS over TCP result"};
  Wakeup next;
  for (const auto& [server, session] : sessions_) {
    next = earliest(next, session.connection.poll_timeout());
    next = earliest(next, {idle_deadline(session), "DNS over TCP idle"});
    for (const auto& [wire_id, query] : session.queries) {
      next = earliest(next, {query.deadline, "DNS over TCP query"});
    }
  }
  return next;
}

std::optional<QueryResult> Client::poll_result() {
  if (results_.empty()) return std::nullopt;
  std::optional<QueryResult> out(std::move(results_.front()));
  results_.pop_front();
  return out;
}

std::span<uint8_t> Client::poll_packet(Timestamp now, std::span<uint8_t> out) {
  last_now_ = std::max(last_now_, now);
  for (auto& [server, session] : sessions_) {
    const auto packet = session.connection.poll_transmit(last_now_, out);
    if (packet.empty()) continue;
    if (session.connection.is_closed()) drop_finished();
    return packet;
  }
  return {};
}

}  // namespace connlib::dns::tcp
