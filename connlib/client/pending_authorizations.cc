#include "connlib/client/pending_authorizations.h"

#include <algorithm>

#include "connlib/client/limits.h"

namespace connlib::client {

PendingAuthorizations::Entry::Entry() : packets(kWaitingPackets) {}

void PendingAuthorizations::add_packet(Timestamp now, const AuthorizationKey& key,
                                       std::span<const uint8_t> packet) {
  Entry& entry = touch(now, key);
  entry.packets.push(packet);
  ask_unless_recent(now, key, entry);
}

void PendingAuthorizations::add_query(Timestamp now, const AuthorizationKey& key,
                                      dns::QueryId query) {
  Entry& entry = touch(now, key);
  if (entry.queries.size() == kWaitingQueries) entry.queries.pop_front();
  entry.queries.push_back(query);
  ask_unless_recent(now, key, entry);
}

void PendingAuthorizations::want(Timestamp now, const AuthorizationKey& key) {
  ask_unless_recent(now, key, touch(now, key));
}

void PendingAuthorizations::handle_refused(const AuthorizationKey& key) {
  const auto entry = entries_.find(key);
  if (entry != entries_.end()) entry->second.retry_at = Timestamp::never();
}

void PendingAuthorizations::handle_portal(Timestamp now, bool is_connected) {
  last_now_ = std::max(last_now_, now);
  if (is_portal_connected_ == is_connected) return;
  is_portal_connected_ = is_connected;
  if (!is_connected) return;
  for (auto& [key, entry] : entries_) {
    if (!entry.has_traffic() || !entry.last_sent) continue;
    entry.retries = 0;
    entry.retry_at = std::max(last_now_, *entry.last_sent + kRequestCooldown);
  }
}

void PendingAuthorizations::handle_timeout(Timestamp now) {
  last_now_ = std::max(last_now_, now);
  if (!is_portal_connected_) return;
  for (auto& [key, entry] : entries_) {
    if (entry.retry_at > last_now_) continue;
    entry.retries += 1;
    ask(last_now_, key, entry);
  }
}

std::optional<PendingAuthorizations::Waiting> PendingAuthorizations::take(
    const AuthorizationKey& key) {
  auto node = entries_.extract(key);
  if (node.empty()) return std::nullopt;
  return contents(node.mapped());
}

std::vector<std::pair<AuthorizationKey, PendingAuthorizations::Waiting>>
PendingAuthorizations::take_devices(const IpAddress& address) {
  std::vector<std::pair<AuthorizationKey, Waiting>> out;
  for (auto& [key, entry] : entries_) {
    if (key.device == address) out.emplace_back(key, contents(entry));
  }
  for (const auto& [key, waiting] : out) entries_.erase(key);
  return out;
}

void PendingAuthorizations::drop_resource(const ResourceId& resource) {
  std::erase_if(entries_, [&](const auto& entry) { return entry.first.resource == resource; });
}

void PendingAuthorizations::drop_device(const IpAddress& address) {
  std::erase_if(entries_, [&](const auto& entry) { return entry.first.device == address; });
}

std::optional<AuthorizationKey> PendingAuthorizations::poll_request() {
  while (!requests_.empty()) {
    AuthorizationKey key = std::move(requests_.front());
    requests_.pop_front();
    const auto entry = entries_.find(key);
    if (entry == entries_.end() || !entry->second.is_queued) continue;
    entry->second.is_queued = false;
    return key;
  }
  return std::nullopt;
}

Wakeup PendingAuthorizations::poll_timeout() const {
  if (!requests_.empty()) return {last_now_, "request authorization"};
  Wakeup next;
  if (!is_portal_connected_) return next;
  for (const auto& [key, entry] : entries_) {
    next = earliest(next, Wakeup{entry.retry_at, "repeat a request for authorization"});
  }
  return next;
}

PendingAuthorizations::Entry& PendingAuthorizations::touch(Timestamp now,
                                                           const AuthorizationKey& key) {
  last_now_ = std::max(last_now_, now);
  if (!entries_.contains(key) && entries_.size() >= kMaxPendingAuthorizations) {
    const auto quiet = [](const auto& a, const auto& b) {
      return a.second.last_wanted < b.second.last_wanted;
    };
    entries_.erase(std::min_element(entries_.begin(), entries_.end(), quiet));
  }
  Entry& entry = entries_[key];
  entry.last_wanted = last_now_;
  return entry;
}

void PendingAuthorizations::ask_unless_recent(Timestamp now, const AuthorizationKey& key,
                                              Entry& entry) {
  if (entry.last_sent && now < *entry.last_sent + kRequestCooldown) return;
  entry.retries = 0;
  ask(now, key, entry);
}

void PendingAuthorizations::ask(Timestamp now, const AuthorizationKey& key, Entry& entry) {
  entry.last_sent = now;
  const bool is_timed = entry.has_traffic() && entry.retries < kMaxTimedRetries;
  entry.retry_at = is_timed ? now + retry_delay(entry.retries) : Timestamp::never();
  if (entry.is_queued) return;
  entry.is_queued = true;
  requests_.push_back(key);
}

Duration PendingAuthorizations::retry_delay(int retries) {
  Duration delay = kFirstRetry;
  for (int i = 0; i < retries && delay < kLongestRetry; ++i) delay *= 2;
  delay = std::min(delay, kLongestRetry);
  // Only ever later, never inside the cool-down; many clients must not ask as one.
  return delay + Duration(random_.below(static_cast<uint64_t>(delay.count()) / 4));
}

PendingAuthorizations::Waiting PendingAuthorizations::contents(Entry& entry) {
  return {entry.packets.take(), {entry.queries.begin(), entry.queries.end()}};
}

}  // namespace connlib::client
