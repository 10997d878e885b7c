#include "snownet/stun/utf8.h"

namespace connlib::snownet::stun {
namespace {

// The lead byte decides how many bytes follow and what the first of them may be (RFC 3629 §4);
// that one rule excludes overlong forms, surrogates and the space above U+10FFFF.
struct Sequence {
  size_t following = 0;
  uint8_t low = 0x80;
  uint8_t high = 0xbf;
};

std::optional<Sequence> sequence_of(uint8_t lead) noexcept {
  if (lead < 0x80) return Sequence{.following = 0};
  if (lead < 0xc2) return std::nullopt;
  if (lead < 0xe0) return Sequence{.following = 1};
  if (lead == 0xe0) return Sequence{.following = 2, .low = 0xa0};
  if (lead == 0xed) return Sequence{.following = 2, .high = 0x9f};
  if (lead < 0xf0) return Sequence{.following = 2};
  if (lead == 0xf0) return Sequence{.following = 3, .low = 0x90};
  if (lead < 0xf4) return Sequence{.following = 3};
  if (lead == 0xf4) return Sequence{.following = 3, .high = 0x8f};
  return std::nullopt;
}

}  // namespace

std::optional<size_t> utf8_characters(std::span<const uint8_t> text) noexcept {
  size_t characters = 0;
  for (size_t i = 0; i < text.size(); ++characters) {
    const auto sequence = sequence_of(text[i]);
    if (!sequence || sequence->following >= text.size() - i) return std::nullopt;
    uint8_t low = sequence->low;
    uint8_t high = sequence->high;
    for (const uint8_t byte : text.subspan(i + 1, sequence->following)) {
      if (byte < low || byte > high) return std::nullopt;
      low = 0x80;
      high = 0xbf;
    }
    i += 1 + sequence->following;
  }
  return characters;
}

}  // namespace connlib::snownet::stun
