#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "connlib/base/timestamp.h"
#include "connlib/dns/pattern.h"
#include "connlib/flow/attribution.h"
#include "connlib/model/ids.h"
#include "connlib/model/resource.h"
#include "connlib/routing/packet_filter.h"

namespace connlib::gateway {

// Grant is the portal's word that one client may reach one resource, until then.
struct Grant {
  Resource resource;
  Timestamp expires_at = Timestamp::never();
  // Under which its packets are recorded; a grant that is refreshed with the token it has keeps it.
  flow::Attribution flows{};

  // Which names a DNS resource means, filled in by Grants. None for other kinds, and for an address
  // that is no pattern: that matches nothing.
  std::optional<dns::Pattern> pattern{};
  // The resource's filters made ready for packets, by Grants.
  routing::PacketFilter filter = routing::PacketFilter::permit_nothing();
};

// Grants is what one client may reach (spec tunnel 6.1, 6.2). What is told to be removed must also
// leave whatever was derived from it: the table of routes, translations.
//
// A grant whose time has come is still listed until expire(); callers who must not be late compare
// `now` with next_expiry().
class Grants {
 public:
  explicit Grants(size_t capacity) : capacity_(capacity) {}

  enum class Added : uint8_t {
    kNew,
    kRefreshed,  // Known: filters, expiry and name are those of the later grant.
    kReplaced,   // The same id leads elsewhere; what held for the old address is void.
    kFull,       // Nothing changed.
  };
  Added add(Grant grant);

  enum class Updated : uint8_t { kUpdated, kUnknown, kOtherAddress };
  // update_filters() takes filters and name of a resource that is granted. An address never changes
  // this way (spec portal-protocol 4.6); kOtherAddress changed nothing.
  Updated update_filters(const Resource& resource);

  bool remove(const ResourceId& id);

  // retain() keeps what is listed, under the listed expiry, and returns what it removed. A list
  // adds nothing: it does not say where resources are.
  std::vector<ResourceId> retain(const std::map<ResourceId, Timestamp>& listed);

  // expire() removes the grants whose time has come, and returns them.
  std::vector<ResourceId> expire(Timestamp now);

  const Grant* find(const ResourceId& id) const;
  const std::map<ResourceId, Grant>& all() const { return grants_; }
  size_t size() const { return grants_.size(); }
  bool empty() const { return grants_.empty(); }
  Timestamp next_expiry() const { return next_expiry_; }  // never() without any.

 private:
  void find_next_expiry();

  size_t capacity_;
  std::map<ResourceId, Grant> grants_;
  Timestamp next_expiry_ = Timestamp::never();
};

}  // namespace connlib::gateway
