#include "connlib/routing/route_table.h"

#include <algorithm>
#include <utility>

namespace connlib::routing {

std::optional<RouteTable::ResourceIndex> RouteTable::index_of(const ResourceId& resource) const {
  const auto found = by_id_.find(resource);
  if (found == by_id_.end()) return std::nullopt;
  return found->second;
}

RouteTable::SetIndex RouteTable::allocate_set() {
  if (!free_sets_.empty()) {
    const SetIndex index = free_sets_.back();
    free_sets_.pop_back();
    return index;
  }
  sets_.emplace_back();
  return SetIndex(static_cast<uint32_t>(sets_.size() - 1));
}

void RouteTable::set_filters(const ResourceId& resource, std::span<const Filter> filters) {
  cache_.clear();
  if (const auto index = index_of(resource)) {
    resources_[*index].filter = PacketFilter(filters);
    return;
  }
  Entry entry{resource, PacketFilter(filters)};
  auto index = static_cast<ResourceIndex>(resources_.size());
  if (free_resources_.empty()) {
    resources_.push_back(std::move(entry));
  } else {
    index = free_resources_.back();
    free_resources_.pop_back();
    resources_[index] = std::move(entry);
  }
  by_id_[resource] = index;
}

bool RouteTable::add_route(const IpPrefix& network, const ResourceId& resource,
                           std::string_view pattern) {
  const auto index = index_of(resource);
  if (!index) return false;
  Route route{*index, pattern.empty() ? Specificity() : Specificity(pattern)};
  cache_.clear();
  if (const SetIndex* at = networks_.find_exact(network)) {
    Set& set = sets_[at->value()];
    const auto same =
        std::find_if(set.begin(), set.end(), [&](const Route& r) { return r.resource == *index; });
    if (same != set.end()) {
      if (route.specificity < same->specificity) *same = std::move(route);
      return true;
    }
    if (set.size() >= kMaxRoutesPerNetwork || route_count_ >= kMaxRoutes) return false;
    set.push_back(std::move(route));
  } else {
    if (route_count_ >= kMaxRoutes) return false;
    const SetIndex fresh = allocate_set();
    sets_[fresh.value()].push_back(std::move(route));
    networks_.insert(network, fresh);
  }
  resources_[*index].networks.push_back(network);
  ++route_count_;
  return true;
}

void RouteTable::remove_routes(const ResourceId& resource) {
  const auto index = index_of(resource);
  if (!index) return;
  cache_.clear();
  for (const IpPrefix& network : resources_[*index].networks) {
    const SetIndex set_index = *networks_.find_exact(network);
    Set& set = sets_[set_index.value()];
    set.erase(std::find_if(set.begin(), set.end(),
                           [&](const Route& route) { return route.resource == *index; }));
    --route_count_;
    if (!set.empty()) continue;
    networks_.remove(network);
    free_sets_.push_back(set_index);
  }
  resources_[*index].networks.clear();
}

void RouteTable::remove(const ResourceId& resource) {
  const auto index = index_of(resource);
  if (!index) return;
  remove_routes(resource);
  resources_[*index] = Entry();
  free_resources_.push_back(*index);
  by_id_.erase(resource);
}

RouteTable::Choice RouteTable::choose(const IpAddress& address,
                                      const ClassifiedProtocol& protocol) const noexcept {
  Choice best;
  const Specificity* best_specificity = nullptr;
  int best_length = -1;
  const auto is_better = [&](const Route& route, bool is_permitted, int length) {
    if (best_specificity == nullptr) return true;
    if (is_permitted != best.is_permitted) return is_permitted;
    if (const auto order = route.specificity <=> *best_specificity; order != 0) return order < 0;
    if (length != best_length) return length > best_length;
    return resources_[route.resource].id > resources_[best.resource].id;
  };
  networks_.for_each_containing(address, [&](uint8_t length, SetIndex set) {
    for (const Route& route : sets_[set.value()]) {
      const bool is_permitted = resources_[route.resource].filter.permits(protocol);
      if (!is_better(route, is_permitted, length)) continue;
      best = {route.resource, is_permitted};
      best_specificity = &route.specificity;
      best_length = length;
    }
  });
  return best;
}

std::optional<RouteMatch> RouteTable::find(const IpAddress& address,
                                           const ClassifiedProtocol& protocol) {
  const Key key{address, protocol};
  Choice choice;
  if (const Choice* cached = cache_.find(key)) {
    choice = *cached;
  } else {
    choice = choose(address, protocol);
    cache_.insert(key, choice);
  }
  if (choice.resource == kNoResource) return std::nullopt;
  return RouteMatch{&resources_[choice.resource].id, choice.is_permitted};
}

bool RouteTable::has_route(const IpAddress& address) const noexcept {
  return networks_.find(address) != nullptr;
}

}  // namespace connlib::routing
