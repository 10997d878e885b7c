#include "connlib/dns/udp_client.h"

#include <algorithm>
#include <utility>

#include "connlib/base/bytes.h"
#include "connlib/dns/header.h"
#include "connlib/packet/icmp_error.h"

namespace connlib::dns {

bool UdpClient::send(Timestamp now, QueryId id, const IpAddress& local_ip,
                     const SocketAddress& server, std::span<const uint8_t> query) {
  last_now_ = std::max(last_now_, now);
  if (query.size() < kHeaderBytes || query.size() > kMaxQueryBytes) return false;
  if (local_ip.family() != server.ip.family()) return false;
  if (tracked_.size() >= kMaxTracked) {
    if (over_.empty()) return false;
    tracked_.erase(over_.front());
    over_.pop_front();
  }
  const auto port = free_port();
  if (!port) return false;
  tracked_.emplace(*port, Tracked{.id = id,
                                  .addresses = {{local_ip, *port}, server},
                                  .wire_id = load_be16(query.data()),
                                  .deadline = last_now_ + kInTunnelTimeout});
  waiting_.push_back(*port);
  unsent_.push_back({*port, {query.begin(), query.end()}});
  return true;
}

// At most one port in sixteen is taken, so this ends soon.
std::optional<uint16_t> UdpClient::free_port() {
  for (int attempts = 0; attempts < 64; ++attempts) {
    const auto port = static_cast<uint16_t>(kFirstLocalPort + random_.below(kLocalPorts));
    if (!tracked_.contains(port)) return port;
  }
  return std::nullopt;
}

bool UdpClient::handle_packet(Timestamp now, IpPacket& packet) {
  last_now_ = std::max(last_now_, now);
  if (tracked_.empty()) return false;
  if (packet.is_icmp_error()) return handle_icmp_error(packet);
  const auto udp = packet.udp();
  if (!udp) return false;
  const auto it = tracked_.find(udp->destination_port());
  if (it == tracked_.end()) return false;
  Tracked& query = it->second;
  const SocketAddress from{packet.source(), udp->source_port()};
  if (query.addresses.to != from || query.addresses.from.ip != packet.destination()) return false;
  // Ours, but perhaps late, or a guess.
  const auto payload = udp->payload();
  if (query.is_over || payload.size() < kHeaderBytes) return true;
  if (load_be16(payload.data()) != query.wire_id) return true;
  finish(it->first, query, std::vector<uint8_t>(payload.begin(), payload.end()));
  return true;
}

bool UdpClient::handle_icmp_error(IpPacket& packet) {
  const auto error = parse_icmp_error(packet);
  if (!error) return false;
  const Protocol source = error->quoted.source_protocol();
  const Protocol destination = error->quoted.destination_protocol();
  if (source.kind != Protocol::Kind::kUdp) return false;
  const auto it = tracked_.find(source.value);
  if (it == tracked_.end()) return false;
  Tracked& query = it->second;
  const PacketAddresses quoted{{error->quoted.source(), source.value},
                               {error->quoted.destination(), destination.value}};
  if (query.addresses.from != quoted.from || query.addresses.to != quoted.to) return false;
  if (!query.is_over) finish(it->first, query, QueryFailure::kUnreachable);
  return true;
}

void UdpClient::finish(uint16_t port, Tracked& query,
                       std::variant<std::vector<uint8_t>, QueryFailure> how) {
  query.is_over = true;
  std::erase(waiting_, port);
  over_.push_back(port);
  results_.push_back({query.id, std::move(how)});
}

void UdpClient::handle_timeout(Timestamp now) {
  last_now_ = std::max(last_now_, now);
  while (!waiting_.empty()) {
    const uint16_t port = waiting_.front();
    Tracked& query = tracked_.at(port);
    if (last_now_ < query.deadline) return;
    finish(port, query, QueryFailure::kTimedOut);
  }
}

Wakeup UdpClient::poll_timeout() const {
  if (!unsent_.empty() || !results_.empty()) return {last_now_, "in-tunnel DNS output"};
  if (waiting_.empty()) return Wakeup::none();
  return {tracked_.at(waiting_.front()).deadline, "in-tunnel DNS timeout"};
}

std::optional<QueryResult> UdpClient::poll_result() {
  if (results_.empty()) return std::nullopt;
  std::optional<QueryResult> out(std::move(results_.front()));
  results_.pop_front();
  return out;
}

std::span<uint8_t> UdpClient::poll_packet(std::span<uint8_t> out) {
  while (!unsent_.empty()) {
    const Unsent next = std::move(unsent_.front());
    unsent_.pop_front();
    const auto it = tracked_.find(next.port);
    if (it == tracked_.end() || it->second.is_over) continue;
    return write_udp(it->second.addresses, next.query, out);
  }
  return {};
}

}  // namespace connlib::dns
