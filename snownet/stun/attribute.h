#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>

#include "connlib/base/bytes.h"
#include "snownet/stun/attribute_type.h"

namespace connlib::snownet::stun {

inline constexpr size_t kAttributeHeaderBytes = 4;

// Attribute is one TLV (RFC 8489 §14). `value` excludes the padding and borrows from the message.
struct Attribute {
  AttributeType type{};
  std::span<const uint8_t> value;
};

// The value's size on the wire: padded to a multiple of four.
constexpr size_t padded(size_t value_bytes) { return (value_bytes + 3) & ~size_t{3}; }

// read_attribute() takes one attribute and its padding from `in`; nullopt when it overruns. Padding
// may hold anything (RFC 5769 pads with spaces).
constexpr std::optional<Attribute> read_attribute(ByteReader& in) noexcept {
  const auto type = static_cast<AttributeType>(in.be16());
  const uint16_t size = in.be16();
  const auto field = in.bytes(padded(size));
  if (!in.ok()) return std::nullopt;
  return Attribute{type, field.first(size)};
}

// AttributeRange walks attributes in wire order, for range-for. It ends at the first overrun;
// ranges given out by Message have none.
class AttributeRange {
 public:
  class Iterator {
   public:
    using difference_type = std::ptrdiff_t;
    using value_type = Attribute;

    constexpr explicit Iterator(std::span<const uint8_t> bytes) noexcept : in_(bytes) { ++*this; }
    constexpr const Attribute& operator*() const noexcept { return *current_; }
    constexpr const Attribute* operator->() const noexcept { return &*current_; }
    constexpr Iterator& operator++() noexcept {
      current_ = in_.remaining() == 0 ? std::nullopt : read_attribute(in_);
      return *this;
    }
    constexpr bool operator==(std::default_sentinel_t) const noexcept { return !current_; }

   private:
    ByteReader in_;
    std::optional<Attribute> current_;
  };

  constexpr AttributeRange() = default;
  constexpr explicit AttributeRange(std::span<const uint8_t> bytes) noexcept : bytes_(bytes) {}
  constexpr Iterator begin() const noexcept { return Iterator(bytes_); }
  constexpr std::default_sentinel_t end() const noexcept { return {}; }

 private:
  std::span<const uint8_t> bytes_;
};

}  // namespace connlib::snownet::stun
