#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "connlib/base/timestamp.h"
#include "connlib/model/filter.h"
#include "connlib/model/ids.h"

namespace connlib::client {

// InboundAccess is what another client may send to us of its own accord (spec tunnel 7.1): one
// entry per resource that the portal granted to it, each with filters and an end. Access has a
// direction: nothing in here says what we may send to that client.
class InboundAccess {
 public:
  explicit InboundAccess(size_t capacity) : capacity_(capacity) {}

  // grant() adds or renews; false when there are too many.
  bool grant(const ResourceId& resource, std::vector<Filter> filters, Timestamp expires_at);
  void revoke(const ResourceId& resource) { grants_.erase(resource); }
  void update_filters(const ResourceId& resource, std::vector<Filter> filters);

  // retain() keeps what `listed` names, with the ends it names.
  void retain(const std::map<ResourceId, Timestamp>& listed);

  void expire(Timestamp now);
  Timestamp next_expiry() const;

  // admits() is the union over all grants that have not ended: none admits nothing, an empty filter
  // list admits everything. nullopt stands for protocols other than TCP, UDP and ICMP.
  bool admits(Timestamp now, std::optional<Filter::Protocol> protocol, uint16_t port) const;

  size_t size() const { return grants_.size(); }

 private:
  struct Grant {
    std::vector<Filter> filters;
    Timestamp expires_at;
  };
  size_t capacity_;
  std::map<ResourceId, Grant> grants_;
};

}  // namespace connlib::client
