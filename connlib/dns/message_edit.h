#pragma once

#include <cstdint>
#include <span>

namespace connlib::dns {

// Edits of messages in place. `message` is one that Message::parse() accepted.

void set_id(std::span<uint8_t> message, uint16_t id) noexcept;

// age() lets `seconds` pass for the TTL of every record but OPT: they stop at zero. A hostile name
// may point into a TTL: then `message` need not parse any more.
void age(std::span<uint8_t> message, uint32_t seconds) noexcept;

// truncate() sets TC and cuts off everything behind the questions, so that the asker comes again
// over TCP (RFC 2181 §9). The result is a prefix of `message`.
std::span<uint8_t> truncate(std::span<uint8_t> message) noexcept;

}  // namespace connlib::dns
