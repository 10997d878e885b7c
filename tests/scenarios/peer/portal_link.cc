#include "tests/scenarios/peer/portal_link.h"

#include <algorithm>

namespace connlib::scenarios {

using Json = nlohmann::json;

void PortalLink::open(const std::string& id, const PublicKey& key) {
  is_open_ = true;
  say({{"event", "hello"}, {"id", id}, {"public_key", to_text(key)}});
}

void PortalLink::say(const Json& message) {
  if (is_open_) queue_.push_back({portal_, message.dump()});
}

void PortalLink::add_candidate(const std::string& peer, uint32_t priority, std::string line) {
  held_[peer].added.emplace_back(priority, std::move(line));
}

void PortalLink::remove_candidate(const std::string& peer, std::string line) {
  Held& held = held_[peer];
  const size_t cancelled =
      std::erase_if(held.added, [&](const auto& added) { return added.second == line; });
  if (cancelled == 0) held.removed.push_back(std::move(line));
}

void PortalLink::flush() {
  if (!is_open_) return;
  for (auto& [peer, held] : std::exchange(held_, {})) {
    std::stable_sort(held.added.begin(), held.added.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    Json added = Json::array();
    for (auto& each : held.added) added.push_back(std::move(each.second));
    if (!added.empty()) {
      say({{"event", "ice_candidates"}, {"peer", peer}, {"candidates", std::move(added)}});
    }
    if (!held.removed.empty()) {
      say({{"event", "invalidate_ice_candidates"}, {"peer", peer}, {"candidates", held.removed}});
    }
  }
}

size_t PortalLink::held() const {
  size_t count = 0;
  for (const auto& [peer, held] : held_) count += held.added.size() + held.removed.size();
  return count;
}

std::optional<sim::Message> PortalLink::poll_message() {
  if (queue_.empty()) return std::nullopt;
  sim::Message next = std::move(queue_.front());
  queue_.pop_front();
  return next;
}

}  // namespace connlib::scenarios
