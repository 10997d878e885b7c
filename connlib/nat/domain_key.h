#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "connlib/model/ids.h"

namespace connlib::nat {

// DomainKey names what a client asks a gateway to translate. Several names may share a resource,
// and several resources a name, each with filters of its own: hence all three (lesson b54a0ffe81).
struct DomainKey {
  GatewayId gateway;
  std::string domain{};  // Without the last dot, always in the same spelling.
  ResourceId resource;

  friend bool operator==(const DomainKey&, const DomainKey&) = default;
};

// DomainKeyView finds a DomainKey without making one: packets ask, too.
struct DomainKeyView {
  std::string_view gateway;
  std::string_view domain;
  std::string_view resource;

  // NOLINTNEXTLINE(google-explicit-constructor): a key may stand wherever its view may.
  DomainKeyView(const DomainKey& key)
      : gateway(key.gateway.value()), domain(key.domain), resource(key.resource.value()) {}
  DomainKeyView(const GatewayId& g, std::string_view d, const ResourceId& r)
      : gateway(g.value()), domain(d), resource(r.value()) {}

  friend auto operator<=>(const DomainKeyView&, const DomainKeyView&) = default;
};

struct DomainKeyLess {
  using is_transparent = void;
  bool operator()(const DomainKeyView& a, const DomainKeyView& b) const { return a < b; }
};

}  // namespace connlib::nat
