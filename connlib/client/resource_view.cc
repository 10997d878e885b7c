#include "connlib/client/resource_view.h"

#include <algorithm>
#include <tuple>
#include <variant>

namespace connlib::client {

bool operator==(const ResourceView& a, const ResourceView& b) {
  const auto same_name = [](const Site& x, const Site& y) { return x.name == y.name; };
  return a.status == b.status && a.resource == b.resource &&
         std::ranges::equal(a.resource.sites, b.resource.sites, same_name);
}

std::vector<ResourceView> view_resources(const ResourceList& resources, const SiteStatuses& sites) {
  std::vector<ResourceView> out;
  for (const auto& [id, listed] : resources.all()) {
    if (const auto* resource = std::get_if<Resource>(&listed)) {
      out.push_back({*resource, sites.of(resource->sites)});
    }
  }
  std::sort(out.begin(), out.end(), [](const ResourceView& a, const ResourceView& b) {
    const bool a_first = std::holds_alternative<InternetAddress>(a.resource.address);
    const bool b_first = std::holds_alternative<InternetAddress>(b.resource.address);
    if (a_first != b_first) return a_first;
    return std::tie(a.resource.name, a.resource.id) < std::tie(b.resource.name, b.resource.id);
  });
  return out;
}

}  // namespace connlib::client
