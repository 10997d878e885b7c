#include "connlib/dns/tcp/server.h"

#include <algorithm>
#include <array>
#include <utility>

#include "connlib/dns/tcp/framing.h"
#include "connlib/model/addressing.h"

namespace connlib::dns::tcp {

void Server::listen(std::span<const IpAddress> addresses) {
  addresses_.assign(addresses.begin(), addresses.end());
  const auto is_served = [&](const IpAddress& address) {
    return std::find(addresses_.begin(), addresses_.end(), address) != addresses_.end();
  };
  for (auto it = sessions_.begin(); it != sessions_.end();) {
    it = is_served(it->first.local.ip) ? std::next(it) : sessions_.erase(it);
  }
  std::erase_if(queries_, [&](const Query& query) { return !is_served(query.local.ip); });
}

bool Server::handle_packet(Timestamp now, IpPacket& packet) {
  last_now_ = std::max(last_now_, now);
  const auto segment = packet.tcp();
  if (!segment) return false;
  const Key key{{packet.destination(), segment->destination_port()},
                {packet.source(), segment->source_port()}};
  if (std::find(addresses_.begin(), addresses_.end(), key.local.ip) == addresses_.end()) {
    return false;
  }
  auto it = sessions_.find(key);
  if (it == sessions_.end()) {
    it = accept(key, *segment);
    if (it == sessions_.end()) {
      std::array<uint8_t, IpPacket::kMaxBytes> buffer{};
      const auto reset = write_reset_for({key.local, key.remote}, *segment, buffer);
      if (!reset.empty()) reset_.emplace(reset.begin(), reset.end());
    }
    return true;
  }
  it->second.connection.handle_segment(last_now_, *segment);
  if (!segment->payload().empty()) it->second.active_at = last_now_;
  update(key, it->second);
  drop_finished();
  return true;
}

// end() when the segment opens no connection.
Server::Sessions::iterator Server::accept(const Key& key, const TcpSegment& segment) {
  const bool is_opening = segment.has_syn() && !segment.has_ack() && !segment.has_rst();
  if (!is_opening || key.local.port != kDnsPort || !make_room(key.local.ip)) {
    return sessions_.end();
  }
  return sessions_
      .emplace(key, Session{Connection::accept({key.local, key.remote}, segment, random_.next_u32(),
                                               last_now_),
                            ConnectionId(next_id_++), last_now_, false})
      .first;
}

// At the limit the connection that has been idle longest makes way; one that waits for an answer
// does not.
bool Server::make_room(const IpAddress& local) {
  size_t count = 0;
  auto idlest = sessions_.end();
  const Key first{{local, 0}, {}};
  for (auto it = sessions_.lower_bound(first); it != sessions_.end() && it->first.local.ip == local;
       ++it) {
    ++count;
    if (it->second.has_query) continue;
    if (idlest == sessions_.end() || it->second.active_at < idlest->second.active_at) idlest = it;
  }
  if (count < kMaxConnectionsPerAddress) return true;
  if (idlest == sessions_.end()) return false;
  sessions_.erase(idlest);
  return true;
}

void Server::update(const Key& key, Session& session) {
  Connection& connection = session.connection;
  // The answer before must be out: the spec's "after the reply drained".
  if (!session.has_query && connection.unacknowledged_bytes() == 0) {
    const auto message = next_message(connection.received());
    if (message && connection.writable_bytes() > 0) {
      session.has_query = true;
      queries_.push_back({session.id, key.local, key.remote, {message->begin(), message->end()}});
      connection.consume(kLengthBytes + message->size());
    } else if (!message && connection.is_receive_finished()) {
      connection.close(last_now_);
    }
  }
}

Server::Session* Server::find(ConnectionId id) {
  const auto it = std::find_if(sessions_.begin(), sessions_.end(),
                               [&](const auto& entry) { return entry.second.id == id; });
  return it == sessions_.end() ? nullptr : &it->second;
}

void Server::answer(Timestamp now, ConnectionId connection, std::span<const uint8_t> message) {
  last_now_ = std::max(last_now_, now);
  Session* session = find(connection);
  if (session == nullptr || !session->has_query || message.size() > UINT16_MAX) return;
  session->has_query = false;
  session->active_at = last_now_;
  if (!session->connection.write(framed(message))) session->connection.abort();
}

void Server::refuse(ConnectionId connection) {
  Session* session = find(connection);
  if (session == nullptr || !session->has_query) return;
  session->has_query = false;
  session->connection.abort();
}

void Server::drop_finished() {
  for (auto it = sessions_.begin(); it != sessions_.end();) {
    // TIME-WAIT is for wires that keep packets; this one is the machine itself (spec tunnel 3.10).
    const bool is_over =
        it->second.connection.is_closed() || (it->second.connection.state() == State::kTimeWait &&
                                              it->second.connection.unacknowledged_bytes() == 0);
    it = is_over ? sessions_.erase(it) : std::next(it);
  }
}

void Server::handle_timeout(Timestamp now) {
  last_now_ = std::max(last_now_, now);
  for (auto& [key, session] : sessions_) {
    session.connection.handle_timeout(last_now_);
    const bool is_idle = !session.has_query && session.active_at + kIdleTimeout <= last_now_;
    if (is_idle) session.connection.abort();
    update(key, session);
  }
  drop_finished();
}

Wakeup Server::poll_timeout() const {
  if (!queries_.empty() || reset_) return {last_now_, "DNS server output"};
  Wakeup next;
  for (const auto& [key, session] : sessions_) {
    next = earliest(next, session.connection.poll_timeout());
    if (!session.has_query && session.connection.state() != State::kClosed) {
      next = earliest(next, {session.active_at + kIdleTimeout, "DNS server idle"});
    }
  }
  return next;
}

std::optional<Server::Query> Server::poll_query() {
  if (queries_.empty()) return std::nullopt;
  std::optional<Query> out(std::move(queries_.front()));
  queries_.pop_front();
  return out;
}

std::span<uint8_t> Server::poll_packet(Timestamp now, std::span<uint8_t> out) {
  last_now_ = std::max(last_now_, now);
  if (const auto reset = std::exchange(reset_, std::nullopt)) {
    if (reset->size() > out.size()) return {};
    std::copy(reset->begin(), reset->end(), out.begin());
    return out.first(reset->size());
  }
  for (auto& [key, session] : sessions_) {
    const auto packet = session.connection.poll_transmit(last_now_, out);
    if (packet.empty()) continue;
    if (session.connection.is_closed()) drop_finished();
    return packet;
  }
  return {};
}

}  // namespace connlib::dns::tcp
