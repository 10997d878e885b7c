#include "connlib/portal/server/pending_authorizations.h"

#include <algorithm>

#include "connlib/base/hex.h"

namespace connlib::portal::server {

std::map<PendingAuthorizations::Pair, PendingAuthorizations::Entry>::iterator
PendingAuthorizations::first_of(const ClientId& client) {
  return by_pair_.lower_bound({client, ResourceId()});
}

PendingAuthorization PendingAuthorizations::remove(std::map<Pair, Entry>::iterator at) {
  by_ref_.erase(at->second.ref);
  by_age_.erase(at->second.age);
  PendingAuthorization out = std::move(at->second.pending);
  by_pair_.erase(at);
  return out;
}

std::optional<std::string> PendingAuthorizations::add(Timestamp now, PendingAuthorization pending) {
  last_now_ = std::max(last_now_, now);
  take(pending.client, pending.resource());
  size_t count = 0;
  for (auto at = first_of(pending.client);
       at != by_pair_.end() && at->first.first == pending.client; ++at) {
    ++count;
  }
  if (count >= kMaxPendingPerClient) return std::nullopt;
  Pair pair(pending.client, pending.resource());
  std::string ref = to_hex(random_->bytes<16>());
  const uint64_t age = next_age_++;
  by_ref_.emplace(ref, pair);
  by_age_.emplace(age, Deadline{last_now_ + kAuthorizationTimeout, pair});
  by_pair_.emplace(std::move(pair), Entry{std::move(pending), ref, age});
  return ref;
}

std::optional<PendingAuthorization> PendingAuthorizations::take(const std::string& ref,
                                                                const GatewayId& gateway) {
  const auto named = by_ref_.find(ref);
  if (named == by_ref_.end()) return std::nullopt;
  const auto found = by_pair_.find(named->second);
  if (found->second.pending.gateway != gateway) return std::nullopt;
  return remove(found);
}

std::optional<PendingAuthorization> PendingAuthorizations::take(const ClientId& client,
                                                                const ResourceId& resource) {
  const auto found = by_pair_.find({client, resource});
  return found == by_pair_.end() ? std::nullopt : std::optional(remove(found));
}

const PendingAuthorization* PendingAuthorizations::find(const ClientId& client,
                                                        const ResourceId& resource) const {
  const auto found = by_pair_.find({client, resource});
  return found == by_pair_.end() ? nullptr : &found->second.pending;
}

std::vector<PendingAuthorization> PendingAuthorizations::take_expired(Timestamp now) {
  last_now_ = std::max(last_now_, now);
  std::vector<PendingAuthorization> out;
  while (!by_age_.empty() && by_age_.begin()->second.at <= last_now_) {
    out.push_back(remove(by_pair_.find(by_age_.begin()->second.pair)));
  }
  return out;
}

std::vector<PendingAuthorization> PendingAuthorizations::take_of_gateway(const GatewayId& gateway) {
  std::vector<Pair> pairs;
  for (const auto& [age, deadline] : by_age_) {
    if (by_pair_.at(deadline.pair).pending.gateway == gateway) pairs.push_back(deadline.pair);
  }
  std::vector<PendingAuthorization> out;
  out.reserve(pairs.size());
  for (const Pair& pair : pairs) out.push_back(remove(by_pair_.find(pair)));
  return out;
}

void PendingAuthorizations::forget_client(const ClientId& client) {
  for (auto at = first_of(client); at != by_pair_.end() && at->first.first == client;) {
    remove(at++);
  }
}

Wakeup PendingAuthorizations::poll_timeout() const {
  if (by_age_.empty()) return Wakeup::none();
  return {by_age_.begin()->second.at, "give up on a gateway"};
}

}  // namespace connlib::portal::server
