#include "connlib/gateway/resolutions.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <absl/strings/ascii.h>

namespace connlib::gateway {

Resolutions::Asking Resolutions::ask(Timestamp now, ResolutionWaiter waiter) {
  std::string key = waiter.domain;  // RFC 4343: names compare without case.
  absl::AsciiStrToLower(&key);
  if (const auto known = by_domain_.find(key); known != by_domain_.end()) {
    const bool joined = join(by_id_.at(known->second), waiter);
    return {joined ? Asked::kJoined : Asked::kTooMany, known->second};
  }
  if (by_id_.size() >= limits_.total || !has_room(waiter.client)) return {Asked::kTooMany, {}};

  const ResolutionId id(++last_id_);
  ++waiting_[waiter.client];
  by_domain_.emplace(key, id);
  Entry entry{.key = std::move(key), .asked_at = now, .waiters = {}};
  entry.waiters.push_back(std::move(waiter));
  by_id_.emplace(id, std::move(entry));
  return {Asked::kStarted, id};
}

bool Resolutions::join(Entry& entry, ResolutionWaiter& waiter) {
  const auto same =
      std::find_if(entry.waiters.begin(), entry.waiters.end(), [&](const ResolutionWaiter& other) {
        return other.client == waiter.client && other.resource == waiter.resource &&
               other.domain == waiter.domain;
      });
  if (same != entry.waiters.end()) {
    same->proxies = std::move(waiter.proxies);
    same->wants_answer = same->wants_answer || waiter.wants_answer;
    return true;
  }
  if (!has_room(waiter.client)) return false;
  ++waiting_[waiter.client];
  entry.waiters.push_back(std::move(waiter));
  return true;
}

std::vector<ResolutionWaiter> Resolutions::take(ResolutionId id) {
  const auto known = by_id_.find(id);
  if (known == by_id_.end()) return {};
  std::vector<ResolutionWaiter> waiters = std::move(known->second.waiters);
  by_domain_.erase(known->second.key);
  by_id_.erase(known);
  for (const ResolutionWaiter& waiter : waiters) count_down(waiter.client);
  return waiters;
}

std::vector<ResolutionWaiter> Resolutions::take_overdue(Timestamp now) {
  std::vector<ResolutionWaiter> overdue;
  while (next_timeout() <= now) {
    std::vector<ResolutionWaiter> waiters = take(by_id_.begin()->first);
    std::move(waiters.begin(), waiters.end(), std::back_inserter(overdue));
  }
  return overdue;
}

void Resolutions::forget(const ClientId& client) {
  if (waiting_.erase(client) == 0) return;
  for (auto& [id, entry] : by_id_) {
    std::erase_if(entry.waiters, [&](const ResolutionWaiter& w) { return w.client == client; });
  }
}

Timestamp Resolutions::next_timeout() const {
  return by_id_.empty() ? Timestamp::never() : by_id_.begin()->second.asked_at + limits_.timeout;
}

bool Resolutions::has_room(const ClientId& client) const {
  const auto waiting = waiting_.find(client);
  return waiting == waiting_.end() || waiting->second < limits_.per_client;
}

void Resolutions::count_down(const ClientId& client) {
  const auto waiting = waiting_.find(client);
  if (waiting != waiting_.end() && --waiting->second == 0) waiting_.erase(waiting);
}

}  // namespace connlib::gateway
