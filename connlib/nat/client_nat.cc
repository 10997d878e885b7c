#include "connlib/nat/client_nat.h"

#include <algorithm>
#include <utility>

#include "connlib/control/control_event.h"

namespace connlib::nat {

bool ClientNat::insert(const DomainKey& key, std::span<const IpAddress> proxies) {
  std::vector<IpAddress> ips(proxies.begin(), proxies.end());
  auto packet = control::encode_control_event(control::AssignedIps{key.resource, key.domain, ips});
  if (!packet) return false;
  const auto found = domains_.find(DomainKeyView(key));
  if (found != domains_.end()) {
    found->second.proxies = std::move(ips);
    found->second.packet = *std::move(packet);
    return true;
  }
  if (domains_.size() >= max_domains_) return false;
  auto id = static_cast<uint32_t>(by_id_.size());
  if (free_ids_.empty()) {
    by_id_.push_back(domains_.end());
  } else {
    id = free_ids_.back();
    free_ids_.pop_back();
  }
  Domain domain{DomainState(last_now_), std::move(ips), *std::move(packet), id};
  by_id_[id] = domains_.emplace(key, std::move(domain)).first;
  return true;
}

bool ClientNat::update(Timestamp now, const DomainKey& key, std::span<const IpAddress> proxies) {
  last_now_ = std::max(last_now_, now);
  auto found = domains_.find(DomainKeyView(key));
  const bool is_known = found != domains_.end();
  const bool is_same =
      is_known && std::equal(proxies.begin(), proxies.end(), found->second.proxies.begin(),
                             found->second.proxies.end());
  if (!is_same) {
    if (!insert(key, proxies)) return false;
    found = domains_.find(DomainKeyView(key));
  }
  if (is_known) found->second.state.handle_update(last_now_);
  note_changes(found);
  return true;
}

void ClientNat::note_changes(Domains::iterator at) {
  ++version_;
  Domain& domain = at->second;
  retries_.set(domain.id, domain.state.next_retry());
  if (!domain.state.take_request() || domain.is_queued) return;
  domain.is_queued = true;
  requests_.push_back(at->first);
}

void ClientNat::recreate(std::string_view domain) {
  for (auto& [key, entry] : domains_) {
    if (key.domain == domain) entry.state.handle_query();
  }
}

ClientNat::Verdict ClientNat::handle_outgoing(Timestamp now, const DomainKeyView& key) {
  last_now_ = std::max(last_now_, now);
  const auto found = domains_.find(key);
  if (found == domains_.end()) return Verdict::kPassUntilChange;
  if (found->second.state.state() != DomainState::State::kPending) {
    return Verdict::kPassUntilChange;
  }
  const bool is_held = found->second.state.handle_outgoing(last_now_, random_);
  note_changes(found);
  return is_held ? Verdict::kHold : Verdict::kPass;
}

void ClientNat::handle_status(const DomainKeyView& key, bool is_active) {
  const auto found = domains_.find(key);
  if (found == domains_.end()) return;
  const auto outcome = found->second.state.handle_status(is_active);
  note_changes(found);
  switch (outcome) {
    case DomainState::Outcome::kNothing:
      return;
    case DomainState::Outcome::kRelease:
      events_.push_back({Event::Kind::kRelease, found->first});
      return;
    case DomainState::Outcome::kDiscard:
      events_.push_back({Event::Kind::kDiscard, found->first});
      return;
  }
}

template <typename Predicate>
void ClientNat::remove_if(const Predicate& is_gone) {
  for (auto it = domains_.begin(); it != domains_.end();) {
    if (!is_gone(it->first)) {
      ++it;
      continue;
    }
    // Whatever is held was for a gateway or resource that is gone. Its answer counts no more.
    if (it->second.state.handle_status(false) == DomainState::Outcome::kDiscard) {
      events_.push_back({Event::Kind::kDiscard, it->first});
    }
    ++version_;
    retries_.set(it->second.id, Timestamp::never());
    free_ids_.push_back(it->second.id);
    by_id_[it->second.id] = domains_.end();
    it = domains_.erase(it);
  }
  std::erase_if(requests_, is_gone);
}

void ClientNat::remove_gateway(const GatewayId& gateway) {
  remove_if([&](const DomainKey& key) { return key.gateway == gateway; });
}

void ClientNat::remove_resource(const ResourceId& resource) {
  remove_if([&](const DomainKey& key) { return key.resource == resource; });
}

void ClientNat::handle_timeout(Timestamp now) {
  last_now_ = std::max(last_now_, now);
  while (retries_.next_at() <= last_now_) {
    const Domains::iterator due = by_id_[retries_.next_id()];
    due->second.state.handle_timeout(last_now_, random_);
    note_changes(due);
  }
}

Wakeup ClientNat::poll_timeout() const {
  if (!requests_.empty() || !events_.empty()) return {last_now_, "tell gateways about names"};
  const Timestamp at = retries_.next_at();
  return at.is_never() ? Wakeup::none() : Wakeup{at, "ask a gateway about a name again"};
}

std::optional<ClientNat::Request> ClientNat::poll_transmit() {
  while (!requests_.empty()) {
    const DomainKey key = std::move(requests_.front());
    requests_.pop_front();
    const auto found = domains_.find(DomainKeyView(key));
    if (found == domains_.end()) continue;
    found->second.is_queued = false;
    return Request{key.gateway, found->second.packet};
  }
  return std::nullopt;
}

std::optional<ClientNat::Event> ClientNat::poll_event() {
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

}  // namespace connlib::nat
