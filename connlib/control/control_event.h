#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "connlib/base/ip.h"
#include "connlib/model/ids.h"

namespace connlib::control {

// AssignedIps asks a gateway to resolve `domain` and to let `proxy_ips` stand for what it finds.
struct AssignedIps {
  ResourceId resource;
  std::string domain{};  // Without the last dot.
  std::vector<IpAddress> proxy_ips{};
  friend bool operator==(const AssignedIps&, const AssignedIps&) = default;
};

// DomainStatus is the gateway's answer.
struct DomainStatus {
  enum class Status : uint8_t { kInactive, kActive };

  ResourceId resource;
  std::string domain{};
  Status status = Status::kInactive;
  friend bool operator==(const DomainStatus&, const DomainStatus&) = default;
};

// Goodbye: the sender has forgotten us and wants to be forgotten.
struct Goodbye {
  friend bool operator==(const Goodbye&, const Goodbye&) = default;
};

using ControlEvent = std::variant<AssignedIps, DomainStatus, Goodbye>;

// Why a control packet said nothing to us; one counter each.
enum class ControlDrop : uint8_t { kNotControl, kUnknownType, kMalformed };

inline constexpr size_t kMaxProxyIps = 8;          // spec tunnel 4.2: four of each family.
inline constexpr size_t kMaxDomainBytes = 1020;    // 255 bytes, each escaped as \DDD.
inline constexpr size_t kMaxResourceIdBytes = 64;  // Ours: a UUID has 36.

// decode_control_event() reads one packet. Fields that we do not know are ignored, and so is their
// order; an unknown status means inactive (spec tunnel 4.2).
//
// What a hostile client writes here ends in a gateway's resolver and routing table, so it is
// malformed unless the domain is printable ASCII and every address is one that a client may assign:
// a proxy address, no sentinel.
std::variant<ControlEvent, ControlDrop> decode_control_event(std::span<const uint8_t> packet);

// encode_control_event() is the whole packet; nullopt when it would exceed the inner MTU.
std::optional<std::vector<uint8_t>> encode_control_event(const ControlEvent& event);

}  // namespace connlib::control
