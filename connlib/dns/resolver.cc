#include "connlib/dns/resolver.h"

#include <algorithm>
#include <array>
#include <utility>

#include "connlib/dns/answer.h"
#include "connlib/dns/message_edit.h"
#include "connlib/model/addressing.h"

namespace connlib::dns {
namespace {

bool is_query(const std::optional<Message>& message) {
  return message && !message->header().is_response && message->question_count() == 1;
}

// A response must be about what was asked: anything else is a mistake or a forgery.
bool answers(const std::optional<Message>& response, const Message& query) {
  return response && response->header().is_response && response->question_count() == 1 &&
         response->question() == query.question();
}

}  // namespace

Resolver::Resolver(RandomSource& random, AssignmentTable restored)
    : resources_(std::move(restored)),
      udp_client_(random),
      tcp_client_(random),
      tcp_server_(random) {}

Resolver::TunOutcome Resolver::handle_tun_packet(Timestamp now, IpPacket& packet,
                                                 std::span<uint8_t> out) {
  const IpAddress destination = packet.destination();
  if (!kSentinelRange.contains(destination)) return NotDns{};
  last_now_ = std::max(last_now_, now);
  if (sentinels_.find(destination) == nullptr) {
    ++drops_.unmapped_sentinel;
    return Consumed{};
  }
  if (const auto udp = packet.udp()) {
    return handle_udp({packet.source(), udp->source_port()}, {destination, udp->destination_port()},
                      udp->payload(), out);
  }
  if (!tcp_server_.handle_packet(last_now_, packet)) ++drops_.other_port;
  take_tcp_queries();
  return Consumed{};
}

Resolver::TunOutcome Resolver::handle_udp(const SocketAddress& from, const SocketAddress& to,
                                          std::span<const uint8_t> payload,
                                          std::span<uint8_t> out) {
  if (to.port != kDnsPort) {
    ++drops_.other_port;
    return Consumed{};
  }
  const auto query = Message::parse(payload);
  if (!is_query(query)) {
    ++drops_.malformed;
    return Consumed{};
  }
  // Not zeroed for every query: only what was written is read.
  std::array<uint8_t, Cache::kMaxAnswerBytes> buffer;  // NOLINT(*-pro-type-member-init)
  const Asker asker{Transport::kUdp, {to, from}, {}};
  const auto answer = intake(asker, *query, buffer);
  if (!answer) return Consumed{};
  const auto fitting = answer->size() > udp_limit(*query) ? truncate(*answer) : *answer;
  return Reply{write_udp(asker.reply, fitting, out)};
}

void Resolver::take_tcp_queries() {
  while (const auto asked = tcp_server_.poll_query()) {
    const auto query = Message::parse(asked->message);
    if (!is_query(query)) {
      ++drops_.malformed;
      tcp_server_.refuse(asked->connection);
      continue;
    }
    // Not zeroed for every query: only what was written is read.
    std::array<uint8_t, Cache::kMaxAnswerBytes> buffer;  // NOLINT(*-pro-type-member-init)
    const Asker asker{Transport::kTcp, {asked->local, asked->remote}, asked->connection};
    if (const auto answer = intake(asker, *query, buffer)) {
      tcp_server_.answer(last_now_, asked->connection, *answer);
    }
  }
}

// The answer, when it is known at once (spec tunnel 3.2).
std::optional<std::span<uint8_t>> Resolver::intake(const Asker& asker, const Message& query,
                                                   std::span<uint8_t> out) {
  if (const auto known = cache_.find(last_now_, query, out)) return known;
  const Question question = query.question().value_or(Question{});
  const QueryId id(next_id_);
  const auto device = pools_.handle_query(last_now_, question, id);
  if (const auto* answer = std::get_if<DevicePoolStub::Answer>(&device)) {
    if (!answer->address) return write_code(query, answer->code, out);
    return write_addresses(query, std::span(&*answer->address, 1), out);
  }
  if (std::holds_alternative<DevicePoolStub::Waiting>(device)) {
    remember(asker, query);  // The pools bound how many may wait.
    return std::nullopt;
  }
  const StubDecision decision = resources_.decide(question);
  if (const auto* addresses = std::get_if<AnswerAddresses>(&decision)) {
    if (addresses->has_changed || answered_.size() < kMaxAnsweredNames) {
      answered_.push_back(
          {AssignmentTable::index_of(*addresses->assignment), addresses->has_changed});
    }
  }
  if (const auto answer = write_decision(query, decision, out)) return answer;
  return recurse(asker, query, decision, out);
}

QueryId Resolver::remember(const Asker& asker, const Message& query) {
  const QueryId id(next_id_++);
  pending_.emplace(id, PendingQuery{.asker = asker,
                                    .message = {query.bytes().begin(), query.bytes().end()},
                                    .deadline = last_now_ + kPendingTimeout,
                                    .configuration = configuration_});
  return id;
}

// Nothing, or SERVFAIL when there is no room for one more.
std::optional<std::span<uint8_t>> Resolver::recurse(const Asker& asker, const Message& query,
                                                    const StubDecision& decision,
                                                    std::span<uint8_t> out) {
  if (pending_.size() >= kMaxPending) {
    ++drops_.over_limit;
    return write_code(query, ResponseCode::kServerFailure, out);
  }
  const QueryId id = remember(asker, query);
  if (const auto* site = std::get_if<AskSite>(&decision)) {
    site_.push_back({id, site->resource});
  } else {
    ask_upstream(id, pending_.at(id));
  }
  return std::nullopt;
}

void Resolver::ask_upstream(QueryId id, const PendingQuery& pending) {
  const Upstream* upstream = sentinels_.find(pending.asker.reply.from.ip);
  if (upstream == nullptr) return complete(id, QueryFailure::kReset);
  const auto* do53 = std::get_if<Do53Server>(upstream);
  const bool is_tunnelled =
      do53 != nullptr && sentinels_.origin() == UpstreamOrigin::kPortalDo53 &&
      std::find(tunnelled_.begin(), tunnelled_.end(), do53->ip) != tunnelled_.end();
  if (!is_tunnelled) {
    outside_.push_back({id, pending.asker.transport, *upstream, pending.message});
  } else if (!ask_in_tunnel(id, pending, {do53->ip, kDnsPort})) {
    complete(id, QueryFailure::kReset);
  }
}

bool Resolver::ask_in_tunnel(QueryId id, const PendingQuery& pending, const SocketAddress& server) {
  const IpAddress local = server.ip.is_v4() ? IpAddress(local_v4_) : IpAddress(local_v6_);
  return pending.asker.transport == Transport::kUdp
             ? udp_client_.send(last_now_, id, local, server, pending.message)
             : tcp_client_.send(last_now_, id, local, server, pending.message);
}

void Resolver::forward_to_gateway(Timestamp now, QueryId id, Ipv4Address v4, Ipv6Address v6) {
  last_now_ = std::max(last_now_, now);
  const auto it = pending_.find(id);
  if (it == pending_.end()) return;
  const bool is_v4 = it->second.asker.reply.from.ip.is_v4();
  const SocketAddress server{is_v4 ? IpAddress(v4) : IpAddress(v6), kGatewayDnsPort};
  if (!ask_in_tunnel(id, it->second, server)) complete(id, QueryFailure::kReset);
}

void Resolver::fail(Timestamp now, QueryId id) {
  last_now_ = std::max(last_now_, now);
  complete(id, QueryFailure::kUnreachable);
}

bool Resolver::handle_tunnel_packet(Timestamp now, IpPacket& packet) {
  last_now_ = std::max(last_now_, now);
  const bool is_ours =
      udp_client_.handle_packet(last_now_, packet) || tcp_client_.handle_packet(last_now_, packet);
  if (is_ours) drain_children();
  return is_ours;
}

void Resolver::handle_result(Timestamp now, const QueryResult& result) {
  last_now_ = std::max(last_now_, now);
  complete(result.query, result.outcome);
}

void Resolver::drain_children() {
  while (const auto result = udp_client_.poll_result()) complete(result->query, result->outcome);
  while (const auto result = tcp_client_.poll_result()) complete(result->query, result->outcome);
  while (const auto resolved = pools_.poll_answer()) complete_pool_answer(*resolved);
  take_tcp_queries();
}

// Spec tunnel 3.11.
void Resolver::complete(QueryId id,
                        const std::variant<std::vector<uint8_t>, QueryFailure>& outcome) {
  const auto it = pending_.find(id);
  if (it == pending_.end()) return;
  const PendingQuery pending = std::move(it->second);
  pending_.erase(it);
  const auto query = Message::parse(pending.message);
  if (!query) return;

  const auto* failure = std::get_if<QueryFailure>(&outcome);
  if (failure != nullptr && *failure == QueryFailure::kTimedOut &&
      pending.asker.transport == Transport::kUdp) {
    return;  // The application has given up, or asks again by itself.
  }
  if (failure == nullptr) {
    auto bytes = std::get<std::vector<uint8_t>>(outcome);
    const auto response = Message::parse(bytes);
    if (answers(response, *query)) {
      set_id(bytes, query->id());  // DoH has 0.
      if (pending.configuration == configuration_) cache_.insert(last_now_, *response);
      return reply(pending.asker, *query, std::span(bytes).first(response->bytes().size()));
    }
  }
  std::array<uint8_t, kMaxUdpPayloadBytes> buffer{};
  const auto answer = write_code(*query, ResponseCode::kServerFailure, buffer);
  if (answer) reply(pending.asker, *query, *answer);
}

void Resolver::complete_pool_answer(const DevicePoolStub::Resolved& resolved) {
  const auto it = pending_.find(resolved.query);
  if (it == pending_.end()) return;
  const PendingQuery pending = std::move(it->second);
  pending_.erase(it);
  const auto query = Message::parse(pending.message);
  if (!query) return;
  std::array<uint8_t, kMaxUdpPayloadBytes> buffer{};
  const auto& address = resolved.answer.address;
  const auto answer = address ? write_addresses(*query, std::span(&*address, 1), buffer)
                              : write_code(*query, resolved.answer.code, buffer);
  if (answer) reply(pending.asker, *query, *answer);
}

void Resolver::reply(const Asker& asker, const Message& query, std::span<uint8_t> response) {
  if (asker.transport == Transport::kTcp) {
    tcp_server_.answer(last_now_, asker.connection, response);
    return;
  }
  if (response.size() > udp_limit(query)) response = truncate(response);
  std::array<uint8_t, IpPacket::kMaxBytes> buffer{};
  const auto packet = write_udp(asker.reply, response, buffer);
  if (!packet.empty()) packets_.emplace_back(packet.begin(), packet.end());
}

}  // namespace connlib::dns
