#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "connlib/base/secret.h"
#include "connlib/model/public_key.h"

namespace connlib::testing {

// wireguard_vectors() is tests/vectors/wireguard.json, read once.
const nlohmann::json& wireguard_vectors();

// stun_vectors() is tests/vectors/stun.json, read once.
const nlohmann::json& stun_vectors();

// portal_vectors() is tests/vectors/portal.json, read once: the example messages of the portal's
// protocol, one object per message with channel, direction (down: from the portal), event, payload.
const nlohmann::json& portal_vectors();

// The vector of `list` whose "name" is `name`; throws when there is none.
const nlohmann::json& named(const nlohmann::json& list, const std::string& name);

// Conversions that throw on anything unexpected: a bad vector file must not pass.
std::vector<uint8_t> hex_bytes(const nlohmann::json& text);
Secret<32> secret32(const nlohmann::json& text);
PublicKey public_key(const nlohmann::json& text);
template <size_t N>
std::array<uint8_t, N> hex_array(const nlohmann::json& text) {
  const auto bytes = hex_bytes(text);
  if (bytes.size() != N) throw std::runtime_error("vector has the wrong length");
  std::array<uint8_t, N> out{};
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

}  // namespace connlib::testing
