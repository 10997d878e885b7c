#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "connlib/model/device_pool.h"
#include "connlib/model/ids.h"
#include "connlib/model/resource.h"

namespace connlib::client {

// ResourceChange is what one message about one resource came to. What has to follow from it is the
// caller's to decide: routes, requests, authorizations and connections live elsewhere.
struct ResourceChange {
  enum class Kind : uint8_t {
    kUnchanged,   // Nothing differs.
    kRelabelled,  // Only what people see differs.
    kAdded,       // `after` is new.
    kReplaced,    // `before` is gone as if removed, `after` is new under the same id.
    kPoolEdited,  // A static pool got other members or filters; what it granted stays.
    kRemoved,     // `before` is gone.
    kRefused,     // The list is full, or there is no such resource.
  };
  Kind kind = Kind::kUnchanged;
  std::optional<ClientResource> before{};
  std::optional<ClientResource> after{};
};

// ResourceList holds what the portal lets us reach, by id (spec tunnel 2.2). A message about a
// resource that is routed as before changes what people see and nothing else; any other difference
// makes it another resource. That the user wants the Internet resource is kept apart from whether
// the portal lists one, so that a resource which moves to another site stays switched on.
class ResourceList {
 public:
  explicit ResourceList(size_t capacity) : capacity_(capacity) {}

  ResourceChange upsert(ClientResource resource);
  ResourceChange remove(const ResourceId& id);

  // replace_all() removes what `resources` does not name, then upserts the rest in their order.
  // Only changes that changed something are returned, removals first.
  std::vector<ResourceChange> replace_all(std::vector<ClientResource> resources);

  // want_internet() may come before the resource does. False when nothing changed.
  bool want_internet(bool is_wanted);

  const ClientResource* find(const ResourceId& id) const;
  // find_routed() and find_pool() are null also when `id` is a resource of another kind.
  const Resource* find_routed(const ResourceId& id) const;
  const StaticDevicePool* find_pool(const ResourceId& id) const;

  // active_internet() is the Internet resource when it is listed and wanted. The portal lists one;
  // of several the highest id counts, as between any two resources.
  const Resource* active_internet() const;

  // All of them, by id.
  const std::map<ResourceId, ClientResource>& all() const { return resources_; }
  size_t size() const { return resources_.size(); }

 private:
  size_t capacity_;
  bool is_internet_wanted_ = false;
  std::map<ResourceId, ClientResource> resources_;
};

}  // namespace connlib::client
