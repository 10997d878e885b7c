#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "connlib/base/ip.h"
#include "connlib/dns/message.h"

// DNS as applications and servers of a test speak it.
namespace connlib::tunnel {

using Bytes = std::vector<uint8_t>;

Bytes make_query(const std::string& name, dns::RecordType type, uint16_t id);

// make_answer() is the answer to `query` with those of `addresses` that it asked for; NXDOMAIN when
// there are none at all.
std::optional<Bytes> make_answer(std::span<const uint8_t> query,
                                 std::span<const IpAddress> addresses);

// The addresses in an answer.
struct Answer {
  uint16_t id = 0;
  dns::ResponseCode code{};
  std::vector<IpAddress> addresses;
};
std::optional<Answer> read_answer(std::span<const uint8_t> message);

// The name that a query asks for, as text.
std::optional<std::string> name_of(std::span<const uint8_t> query);

}  // namespace connlib::tunnel
