#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace connlib::scenarios {

// app_packet() is what applications send through a connection: an IPv6 packet whose next header is
// for experiments (RFC 3692) and whose payload is `text`.
std::vector<uint8_t> app_packet(std::string_view text);

// app_text() is the text of such a packet, borrowing from it; nullopt for anything else.
std::optional<std::string_view> app_text(std::span<const uint8_t> packet);

// number_after() reads "ping 17" as 17 when `word` is "ping"; nullopt for anything else.
std::optional<uint64_t> number_after(std::string_view word, std::string_view text);

}  // namespace connlib::scenarios
