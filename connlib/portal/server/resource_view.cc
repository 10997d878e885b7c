#include "connlib/portal/server/resource_view.h"

#include <algorithm>
#include <iterator>

#include "connlib/portal/server/grants.h"

namespace connlib::portal::server {
namespace {

// Sites compare by id alone, but clients show their names.
bool has_same_site_names(const Resource& a, const Resource& b) {
  return std::equal(a.sites.begin(), a.sites.end(), b.sites.begin(), b.sites.end(),
                    [](const Site& x, const Site& y) { return x.id == y.id && x.name == y.name; });
}

}  // namespace

// What policy::reachable() and policy::next_change() give, in one pass: this runs for every client
// at every change of the account.
ResourceView view_of(const policy::Directory& directory, const policy::Subject& subject,
                     absl::Time now, const policy::Zones& zones) {
  ResourceView view;
  const auto consider = [&](const std::optional<absl::Time>& at) {
    if (at && (!view.changes_at || *at < *view.changes_at)) view.changes_at = at;
  };
  consider(subject.session_ends_at);
  for (const auto& [id, resource] : directory.resources()) {
    const policy::Decision decision = decide(directory, subject, id, now, zones);
    if (decision.is_allowed()) view.ids.push_back(id);
    consider(decision.is_allowed() ? decision.expires_at : decision.retry_at);
  }
  return view;
}

ViewChange change_of(const ResourceView& before, const ResourceView& after,
                     const std::set<ResourceId>& edited) {
  ViewChange out;
  std::set_difference(before.ids.begin(), before.ids.end(), after.ids.begin(), after.ids.end(),
                      std::back_inserter(out.deleted));
  for (const ResourceId& id : after.ids) {
    const bool is_new = !std::binary_search(before.ids.begin(), before.ids.end(), id);
    if (is_new || edited.contains(id)) out.upserted.push_back(id);
  }
  return out;
}

DirectoryChange change_of(const policy::Directory& before, const policy::Directory& after) {
  DirectoryChange out;
  for (const auto& [id, resource] : after.resources()) {
    const Resource* old = before.find_resource(id);
    if (old == nullptr) continue;
    if (!(*old == resource) || !has_same_site_names(*old, resource)) out.edited.insert(id);
    if (old->filters != resource.filters && route_of(*old) == route_of(resource)) {
      out.refiltered.insert(id);
    }
  }
  return out;
}

}  // namespace connlib::portal::server
