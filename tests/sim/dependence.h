#pragma once

#include <cstdint>

#include "connlib/base/ip.h"

namespace connlib::sim {

// Dependence is what part of the remote endpoint a NAT or filter looks at (RFC 4787 §4.1, §5).
enum class Dependence : uint8_t {
  kEndpointIndependent,
  kAddressDependent,
  kAddressAndPortDependent,
};

// relevant_part() keeps of `remote` what `dependence` looks at and clears the rest.
constexpr SocketAddress relevant_part(Dependence dependence, const SocketAddress& remote) {
  switch (dependence) {
    case Dependence::kEndpointIndependent:
      return {};
    case Dependence::kAddressDependent:
      return {remote.ip, 0};
    case Dependence::kAddressAndPortDependent:
      return remote;
  }
  return remote;
}

}  // namespace connlib::sim
