#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "connlib/policy/gateway_choice.h"

namespace connlib::portal::server {

// PeerAgent is what a peer's User-Agent tells (spec portal-protocol 1.3):
//
//   <os>/<os version> <component>/<version>[ (<architecture>; <kernel>)]
struct PeerAgent {
  std::string os{};
  std::string os_version{};
  std::string component{};  // One of those that the protocol knows; empty: none was named.
  std::string version_text{};
  std::optional<policy::Version> version{};  // None: no MAJOR.MINOR.PATCH.
};

// parse_peer_agent() takes any text; the first word that begins with a known component counts.
PeerAgent parse_peer_agent(std::string_view user_agent);

}  // namespace connlib::portal::server
