#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "connlib/base/random_source.h"
#include "connlib/model/ids.h"

namespace connlib::policy {

// Version is MAJOR.MINOR.PATCH of a program. What follows a "-" or "+" is left out.
struct Version {
  uint32_t major_number = 0;
  uint32_t minor_number = 0;
  uint32_t patch_number = 0;

  static std::optional<Version> parse(std::string_view text);
  friend auto operator<=>(const Version&, const Version&) = default;
};
std::string to_text(const Version& version);

inline constexpr Version kInternetSince{1, 3, 0};  // Spec portal-protocol 6.3.

// are_compatible(): same major, and at most one minor apart. A client whose version nobody knows is
// served by any gateway; a gateway of unknown version serves only such clients.
bool are_compatible(const std::optional<Version>& client, const std::optional<Version>& gateway);

// Candidate is a gateway of the resource's site that is connected now.
struct Candidate {
  GatewayId id;
  std::optional<Version> version;
};

// Choice is the gateway that shall serve a client, or why there is none.
struct Choice {
  enum class Failure : uint8_t { kNone, kOffline, kVersionMismatch };
  Failure failure = Failure::kNone;
  GatewayId gateway;        // With kNone.
  std::string explanation;  // For people.
};

struct ChoiceRequest {
  std::optional<Version> client{};
  bool is_internet = false;         // The Internet resource asks more of a gateway.
  std::set<GatewayId> preferred{};  // Those the client knows already; their order means nothing.
};

// choose_gateway() takes a preferred gateway if one is compatible, else any, with equal chances.
Choice choose_gateway(const std::vector<Candidate>& candidates, const ChoiceRequest& request,
                      RandomSource& random);

}  // namespace connlib::policy
