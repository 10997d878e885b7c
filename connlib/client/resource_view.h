#pragma once

#include <string>
#include <vector>

#include "connlib/base/ip.h"
#include "connlib/client/resource_list.h"
#include "connlib/client/site_statuses.h"
#include "connlib/model/ids.h"
#include "connlib/model/resource.h"

namespace connlib::client {

// ResourceView is one line of what a user may reach and whether it can be reached now.
struct ResourceView {
  Resource resource;
  Status status = Status::kUnknown;

  // Unlike resources, views differ when a site was merely renamed.
  friend bool operator==(const ResourceView& a, const ResourceView& b);
};

// ConnectedDevice is a client that we are connected to and that is in a static pool of ours.
struct ConnectedDevice {
  ClientId id;
  std::string name{};
  Ipv4Address ipv4;
  Ipv6Address ipv6;
  std::vector<std::string> pools{};  // By name, sorted.
  friend bool operator==(const ConnectedDevice&, const ConnectedDevice&) = default;
};

// ResourceReport is the list of a user interface (spec tunnel 2.8).
struct ResourceReport {
  std::vector<ResourceView> resources{};   // Internet first, then by name and id. No pools.
  std::vector<ConnectedDevice> devices{};  // By id.
  friend bool operator==(const ResourceReport&, const ResourceReport&) = default;
};

std::vector<ResourceView> view_resources(const ResourceList& resources, const SiteStatuses& sites);

}  // namespace connlib::client
