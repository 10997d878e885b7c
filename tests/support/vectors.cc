#include "tests/support/vectors.h"

#include <fstream>

#include "connlib/base/hex.h"

namespace connlib::testing {

namespace {

nlohmann::json read(const char* path) {
  std::ifstream file(path);
  return nlohmann::json::parse(file);
}

}  // namespace

const nlohmann::json& wireguard_vectors() {
  static const nlohmann::json vectors = read(CONNLIB_VECTORS_DIR "/wireguard.json");
  return vectors;
}

const nlohmann::json& stun_vectors() {
  static const nlohmann::json vectors = read(CONNLIB_VECTORS_DIR "/stun.json");
  return vectors;
}

const nlohmann::json& portal_vectors() {
  static const nlohmann::json vectors = read(CONNLIB_VECTORS_DIR "/portal.json");
  return vectors;
}

const nlohmann::json& named(const nlohmann::json& list, const std::string& name) {
  for (const auto& entry : list) {
    if (entry.at("name") == name) return entry;
  }
  throw std::runtime_error("no vector named " + name);
}

std::vector<uint8_t> hex_bytes(const nlohmann::json& text) {
  auto bytes = from_hex(text.get<std::string>());
  if (!bytes) throw std::runtime_error("not hex: " + text.dump());
  return *bytes;
}

Secret<32> secret32(const nlohmann::json& text) { return Secret<32>(hex_array<32>(text)); }

PublicKey public_key(const nlohmann::json& text) { return PublicKey{hex_array<32>(text)}; }

}  // namespace connlib::testing
