#include "connlib/portal/server/relay_presence.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "connlib/portal/derivations.h"

namespace connlib::portal::server {
namespace {

bool is_same(const Login::RelayAddress& a, const Login::RelayAddress& b) {
  return a.ipv4 == b.ipv4 && a.ipv6 == b.ipv6 && a.port == b.port;
}

}  // namespace

std::optional<RelayId> RelayPresence::add(Timestamp now, SecretText stamp_secret,
                                          const Login::RelayAddress& address) {
  if (stamp_secret.empty() || stamp_secret.reveal().size() > kMaxStampSecretCharacters) {
    return std::nullopt;
  }
  RelayId id = derive_relay_id(stamp_secret);
  if (!relays_.contains(id) && relays_.size() >= kMaxRelays) return std::nullopt;
  const auto known = relays_.find(id);
  if (known != relays_.end() && is_same(known->second.address, address)) return id;
  relays_.insert_or_assign(id, Online{std::move(stamp_secret), address});
  note_change(now);
  return id;
}

void RelayPresence::remove(Timestamp now, const RelayId& id) {
  if (relays_.erase(id) > 0) note_change(now);
}

// Every further change restarts the wait, but not for ever: one relay that comes and goes must not
// keep others' news from everybody.
void RelayPresence::note_change(Timestamp now) {
  ++changes_;
  if (quiet_at_.is_never()) latest_at_ = now + kMaxRelayWait;
  quiet_at_ = std::min(now + kRelayQuietPeriod, latest_at_);
}

bool RelayPresence::take_quiet(Timestamp now) {
  if (now < quiet_at_) return false;
  quiet_at_ = Timestamp::never();
  return true;
}

Wakeup RelayPresence::poll_timeout() const {
  if (quiet_at_.is_never()) return Wakeup::none();
  return {quiet_at_, "tell peers about relays"};
}

void RelayPresence::fill(RelayMemory& memory) {
  memory.as_of = changes_;
  std::vector<const std::pair<const RelayId, Online>*> others;
  for (const auto& relay : relays_) {
    const bool is_told =
        std::any_of(memory.relays.begin(), memory.relays.end(),
                    [&](const RelayMemory::Told& told) { return told.id == relay.first; });
    if (!is_told) others.push_back(&relay);
  }
  while (memory.relays.size() < kRelaysPerPeer && !others.empty()) {
    const auto chosen = others.begin() + static_cast<std::ptrdiff_t>(random_->below(others.size()));
    memory.relays.push_back({(*chosen)->first, (*chosen)->second.address});
    others.erase(chosen);
  }
}

std::vector<RelayDescriptor> RelayPresence::describe(const RelayMemory& memory,
                                                     const RelayUser& user) const {
  std::vector<RelayDescriptor> out;
  for (const RelayMemory::Told& told : memory.relays) {
    const auto& [stamp_secret, address] = relays_.at(told.id);
    RelayLogin login = derive_relay_login(user.public_key, user.expires_at, stamp_secret);
    RelayDescriptor descriptor{.id = told.id,
                               .v4 = std::nullopt,
                               .v6 = std::nullopt,
                               .username = std::move(login.username),
                               .password = std::move(login.password),
                               .expires_at = user.expires_at};
    if (address.ipv4) descriptor.v4 = SocketAddress{*address.ipv4, address.port};
    if (address.ipv6) descriptor.v6 = SocketAddress{*address.ipv6, address.port};
    out.push_back(std::move(descriptor));
  }
  return out;
}

std::vector<RelayDescriptor> RelayPresence::pick(RelayMemory& memory, const RelayUser& user) {
  memory.relays.clear();
  fill(memory);
  return describe(memory, user);
}

std::optional<RelaysPresence> RelayPresence::news_for(RelayMemory& memory, const RelayUser& user) {
  if (memory.as_of == changes_) return std::nullopt;
  RelaysPresence news;
  bool has_moved = false;
  std::erase_if(memory.relays, [&](RelayMemory::Told& told) {
    const auto online = relays_.find(told.id);
    if (online == relays_.end()) {
      news.disconnected_ids.push_back(told.id);
      return true;
    }
    has_moved = has_moved || !is_same(told.address, online->second.address);
    told.address = online->second.address;
    return false;
  });
  const size_t kept = memory.relays.size();
  fill(memory);
  if (news.disconnected_ids.empty() && !has_moved && memory.relays.size() == kept) {
    return std::nullopt;
  }
  news.connected = describe(memory, user);
  return news;
}

}  // namespace connlib::portal::server
