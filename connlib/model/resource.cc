#include "connlib/model/resource.h"

#include <algorithm>

namespace connlib {
namespace {

// Sites and filters are sets: their order on the wire means nothing.
template <typename T>
std::vector<T> as_set(std::vector<T> items) {
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
  return items;
}

}  // namespace

bool Resource::is_routed_like(const Resource& other) const {
  return id == other.id && address == other.address && as_set(sites) == as_set(other.sites) &&
         as_set(filters) == as_set(other.filters);
}

}  // namespace connlib
