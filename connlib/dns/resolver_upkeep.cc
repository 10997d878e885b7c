// Configuration, time and outputs of the Resolver; what becomes of a query is in resolver.cc.
#include <algorithm>
#include <utility>

#include "connlib/dns/resolver.h"

namespace connlib::dns {
namespace {

template <typename T>
std::optional<T> take_front(std::deque<T>& queue) {
  if (queue.empty()) return std::nullopt;
  std::optional<T> out(std::move(queue.front()));
  queue.pop_front();
  return out;
}

}  // namespace

SentinelMap::Change Resolver::set_system_servers(std::span<const IpAddress> servers) {
  const auto change = sentinels_.set_system(servers);
  flush_after(change);
  return change;
}

SentinelMap::Change Resolver::set_portal_servers(std::span<const IpAddress> do53,
                                                 std::span<const std::string> doh_urls) {
  const auto change = sentinels_.set_portal(do53, doh_urls);
  flush_after(change);
  return change;
}

void Resolver::flush_cache() {
  cache_.clear();
  ++configuration_;
}

void Resolver::reset_connections(Timestamp now) {
  last_now_ = std::max(last_now_, now);
  tcp_client_.reset(last_now_);
  drain_children();
}

void Resolver::flush_after(SentinelMap::Change change) {
  if (change != SentinelMap::Change::kRenumbered) return;
  flush_cache();
  std::vector<IpAddress> listening;
  for (const auto& mapping : sentinels_.mappings()) listening.push_back(mapping.sentinel);
  tcp_server_.listen(listening);
  reset_connections(last_now_);
}

void Resolver::set_tunnel_addresses(Timestamp now, Ipv4Address v4, Ipv6Address v6) {
  last_now_ = std::max(last_now_, now);
  local_v4_ = v4;
  local_v6_ = v6;
  reset_connections(last_now_);
}

void Resolver::set_tunnelled_servers(std::span<const IpAddress> servers) {
  tunnelled_.assign(servers.begin(), servers.end());
}

bool Resolver::add_resource(const ResourceId& id, std::string_view pattern, IpStack stack) {
  flush_cache();
  return resources_.add(id, pattern, stack);
}

void Resolver::remove_resource(const ResourceId& id) {
  flush_cache();
  resources_.remove(id);
}

bool Resolver::add_device_pool(const ResourceId& id, std::string_view pattern) {
  flush_cache();
  const bool is_pattern = pools_.add(id, pattern);
  drain_children();
  return is_pattern;
}

void Resolver::remove_device_pool(const ResourceId& id) {
  flush_cache();
  pools_.remove(id);
  drain_children();
}

void Resolver::handle_pool_resolved(Timestamp now, const DevicePoolStub::Request& request,
                                    std::optional<Ipv4Address> v4, std::optional<Ipv6Address> v6) {
  last_now_ = std::max(last_now_, now);
  pools_.handle_resolved(last_now_, request, v4, v6);
  drain_children();
}

void Resolver::handle_pool_failed(Timestamp now, const DevicePoolStub::Request& request,
                                  DevicePoolStub::Failure failure) {
  last_now_ = std::max(last_now_, now);
  pools_.handle_failed(request, failure);
  drain_children();
}

void Resolver::handle_timeout(Timestamp now) {
  last_now_ = std::max(last_now_, now);
  pools_.handle_timeout(last_now_);
  udp_client_.handle_timeout(last_now_);
  tcp_client_.handle_timeout(last_now_);
  tcp_server_.handle_timeout(last_now_);
  drain_children();
  while (!pending_.empty() && pending_.begin()->second.deadline <= last_now_) {
    complete(pending_.begin()->first, QueryFailure::kTimedOut);
  }
}

Wakeup Resolver::poll_timeout() const {
  const bool has_output =
      !outside_.empty() || !site_.empty() || !packets_.empty() || answered_read_ < answered_.size();
  if (has_output) return {last_now_, "DNS output"};
  Wakeup next;
  if (!pending_.empty()) next = {pending_.begin()->second.deadline, "DNS query unanswered"};
  next = earliest(next, pools_.poll_timeout());
  next = earliest(next, udp_client_.poll_timeout());
  next = earliest(next, tcp_client_.poll_timeout());
  return earliest(next, tcp_server_.poll_timeout());
}

std::optional<Resolver::OutsideQuery> Resolver::poll_outside_query() {
  return take_front(outside_);
}

std::optional<Resolver::SiteQuery> Resolver::poll_site_query() { return take_front(site_); }

std::optional<Resolver::AnsweredName> Resolver::poll_answered_name() {
  if (answered_read_ == answered_.size()) return std::nullopt;
  const AnsweredName out = answered_[answered_read_++];
  if (answered_read_ == answered_.size()) {
    answered_.clear();
    answered_read_ = 0;
  }
  return out;
}

std::span<uint8_t> Resolver::poll_packet(Timestamp now, std::span<uint8_t> out) {
  last_now_ = std::max(last_now_, now);
  if (const auto packet = take_front(packets_)) {
    if (packet->size() > out.size()) return {};
    std::copy(packet->begin(), packet->end(), out.begin());
    return out.first(packet->size());
  }
  return tcp_server_.poll_packet(last_now_, out);
}

std::span<uint8_t> Resolver::poll_tunnel_packet(Timestamp now, std::span<uint8_t> out) {
  last_now_ = std::max(last_now_, now);
  const auto packet = udp_client_.poll_packet(out);
  return packet.empty() ? tcp_client_.poll_packet(last_now_, out) : packet;
}

}  // namespace connlib::dns
