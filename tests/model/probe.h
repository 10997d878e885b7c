#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "connlib/packet/icmp_error.h"
#include "tests/model/reference.h"

namespace connlib::model_test {

using Bytes = std::vector<uint8_t>;

// Probe is one packet of an application and everything that was seen of it. Its number is its
// source port or echo identifier and lies in its payload, so that it is known wherever it turns up.
struct Probe {
  uint16_t number = 0;
  size_t client = 0;
  Traffic traffic;
  IpAddress source{};
  IpAddress destination{};
  Bytes packet{};
  std::string text{};  // For people.

  // What must become of it.
  std::set<Outcome> allowed{};
  std::vector<IpAddress> may_reach{};  // Empty: its destination.
  bool is_lie = false;                 // Its answer may be dropped by our own client.
  bool may_be_late = false;            // It waits for something that may come in a minute.

  // What did.
  bool was_answered_by_client = false;
  std::vector<IpAddress> reached{};
  std::vector<IcmpError> errors{};
  size_t echoes = 0;
};

Bytes make_packet(const Probe& probe);

// What a packet is about that somebody saw: the number of a probe, and what it is to that probe.
struct Sighting {
  enum class What : uint8_t { kItself, kEcho, kError, kDnsAnswer };
  What what = What::kItself;
  uint16_t number = 0;
  IpAddress source;
  IpAddress destination;
  uint16_t source_port = 0;  // Of UDP and TCP.
  uint16_t destination_port = 0;
  std::optional<IcmpError> error{};
  IpAddress quoted_destination{};  // Of an error.
  Bytes payload{};                 // Of UDP.
};
std::optional<Sighting> look_at(const Bytes& packet);

}  // namespace connlib::model_test
