#include "tests/scenarios/peer/app_packet.h"

#include <algorithm>

#include <absl/strings/numbers.h>

#include "connlib/base/bytes.h"

namespace connlib::scenarios {
namespace {

constexpr size_t kHeaderBytes = 40;
constexpr uint8_t kExperiment = 253;

}  // namespace

std::vector<uint8_t> app_packet(std::string_view text) {
  std::vector<uint8_t> packet(kHeaderBytes + text.size());
  packet[0] = 0x60;
  store_be16(packet.data() + 4, static_cast<uint16_t>(text.size()));
  packet[6] = kExperiment;
  packet[7] = 64;
  packet[8] = packet[24] = 0xfd;  // From and to unique local addresses.
  packet[23] = 1;
  packet[39] = 2;
  std::copy(text.begin(), text.end(), packet.begin() + kHeaderBytes);
  return packet;
}

std::optional<std::string_view> app_text(std::span<const uint8_t> packet) {
  if (packet.size() < kHeaderBytes || packet[0] != 0x60 || packet[6] != kExperiment) return {};
  const size_t bytes = load_be16(packet.data() + 4);
  if (packet.size() - kHeaderBytes < bytes) return {};
  const auto text = packet.subspan(kHeaderBytes, bytes);
  return std::string_view(reinterpret_cast<const char*>(text.data()), text.size());
}

std::optional<uint64_t> number_after(std::string_view word, std::string_view text) {
  if (text.substr(0, word.size()) != word || text.size() <= word.size()) return {};
  if (text[word.size()] != ' ') return {};
  const std::string_view digits = text.substr(word.size() + 1);
  uint64_t number = 0;
  if (!absl::SimpleAtoi({digits.data(), digits.size()}, &number)) return {};
  return number;
}

}  // namespace connlib::scenarios
