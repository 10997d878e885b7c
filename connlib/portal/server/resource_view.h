#pragma once

#include <optional>
#include <set>
#include <vector>

#include <absl/time/time.h>

#include "connlib/policy/decision.h"

namespace connlib::portal::server {

// ResourceView is what one client may request now, and when that changes by itself.
struct ResourceView {
  std::vector<ResourceId> ids;  // Ascending.
  std::optional<absl::Time> changes_at;
};

ResourceView view_of(const policy::Directory& directory, const policy::Subject& subject,
                     absl::Time now, const policy::Zones& zones);

// ViewChange is how a client's list becomes another one. Deletions go first (spec portal-protocol
// 6.5).
struct ViewChange {
  std::vector<ResourceId> deleted;
  std::vector<ResourceId> upserted;
};

// change_of() compares two views; `edited` are resources that themselves are others than before.
ViewChange change_of(const ResourceView& before, const ResourceView& after,
                     const std::set<ResourceId>& edited);

// DirectoryChange is how the resources of an account became others.
struct DirectoryChange {
  std::set<ResourceId> edited;      // In anything that a client is told.
  std::set<ResourceId> refiltered;  // In nothing that matters to a gateway but the filters.
};
DirectoryChange change_of(const policy::Directory& before, const policy::Directory& after);

}  // namespace connlib::portal::server
