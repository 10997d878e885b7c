#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace connlib {

// to_hex() writes lower-case hex, two digits a byte.
std::string to_hex(std::span<const uint8_t> bytes);

// from_hex() reads what to_hex() writes, upper case too; nullopt on odd length or a non-digit.
std::optional<std::vector<uint8_t>> from_hex(std::string_view text);

}  // namespace connlib
