#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "connlib/base/ip.h"
#include "connlib/model/filter.h"
#include "connlib/model/ids.h"
#include "connlib/model/site.h"

namespace connlib {

// IpStack says which families a DNS resource answers with.
enum class IpStack : uint8_t { kDual, kIpv4Only, kIpv6Only };

constexpr bool allows(IpStack stack, IpFamily family) {
  return stack == IpStack::kDual || (stack == IpStack::kIpv4Only) == (family == IpFamily::kV4);
}

// The kinds of resource that we route to (spec portal-protocol 2.5). One IP address is a network
// of full length.
struct CidrAddress {
  IpPrefix network;
  friend bool operator==(const CidrAddress&, const CidrAddress&) = default;
};
struct DnsAddress {
  std::string pattern;  // As the portal wrote it: "*.gitlab.example.com".
  IpStack ip_stack = IpStack::kDual;
  friend bool operator==(const DnsAddress&, const DnsAddress&) = default;
};
struct InternetAddress {
  friend bool operator==(const InternetAddress&, const InternetAddress&) = default;
};
using ResourceAddress = std::variant<CidrAddress, DnsAddress, InternetAddress>;

// Resource is something a user may reach, as the portal describes it. Equal means equal in every
// field, but for the names of sites.
struct Resource {
  ResourceId id;
  std::string name{};
  ResourceAddress address{};
  std::optional<std::string> address_description{};  // For people: a link or a hint.
  std::vector<Site> sites{};
  std::vector<Filter> filters{};  // None: everything is permitted.

  // is_routed_like(): whether `other` is a mere update of what people see. Anything else is
  // another resource under the same id, and its authorizations are void (spec tunnel 2.2).
  bool is_routed_like(const Resource& other) const;

  friend bool operator==(const Resource&, const Resource&) = default;
};

}  // namespace connlib
