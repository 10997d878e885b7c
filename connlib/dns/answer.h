#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "connlib/base/ip.h"
#include "connlib/dns/message.h"
#include "connlib/dns/resource_stub.h"

namespace connlib::dns {

// kMaxUdpPayloadBytes is the largest UDP payload inside the tunnel (spec tunnel 1), which is also
// what we tell others with EDNS that we can take.
inline constexpr uint16_t kMaxUdpPayloadBytes = 1212;

// The answers that we give in our own name. Each repeats the question letter for letter, carries
// OPT when the query did (RFC 6891 §6.1.1), and is written into `out` without allocating: at most
// kMaxUdpPayloadBytes are needed. `query` has a question. nullopt when `out` is too small.

std::optional<std::span<uint8_t>> write_code(const Message& query, ResponseCode code,
                                             std::span<uint8_t> out);
std::optional<std::span<uint8_t>> write_addresses(const Message& query,
                                                  std::span<const IpAddress> addresses,
                                                  std::span<uint8_t> out);
std::optional<std::span<uint8_t>> write_pointer(const Message& query, const Name& target,
                                                std::span<uint8_t> out);

// The answer to what the stub decided; nullopt, too, when it decided to ask somebody else.
std::optional<std::span<uint8_t>> write_decision(const Message& query, const StubDecision& decision,
                                                 std::span<uint8_t> out);

// udp_limit() is how long a UDP answer to `query` may be: what the asker can take (RFC 6891 §6.2.3,
// 512 bytes without EDNS), at most what fits into the tunnel.
size_t udp_limit(const Message& query);

}  // namespace connlib::dns
