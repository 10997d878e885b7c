#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "connlib/base/ip.h"

namespace connlib::dns {

// Name is a domain name in wire form (RFC 1035 §3.1): labels with their lengths in front, the empty
// label of the root last. It keeps the case it came with and compares without it (RFC 4343). Fixed
// storage: copying one never allocates.
class Name {
 public:
  static constexpr size_t kMaxBytes = 255;      // RFC 1035 §2.3.4
  static constexpr size_t kMaxLabelBytes = 63;  // RFC 1035 §2.3.4

  Name() = default;  // The root.

  // parse() reads "www.example.com", with or without the last dot, and the escapes of RFC 1035
  // §5.1 (\. and \DDD). nullopt for empty or long labels and long names.
  static std::optional<Name> parse(std::string_view text);

  // reverse_of() is the name whose PTR record names `address` (RFC 1035 §3.5, RFC 3596 §2.5);
  // reverse_address() the way back, nullopt for any other name.
  static Name reverse_of(const IpAddress& address);
  std::optional<IpAddress> reverse_address() const;

  // Borrows from this object.
  std::span<const uint8_t> wire() const { return std::span(bytes_).first(size_); }
  std::string_view wire_text() const;
  size_t size() const { return size_; }
  bool is_root() const { return size_ == 1; }

  // lowered() is how a name goes into keys: wire_text() of equal names is then equal.
  Name lowered() const;

  friend bool operator==(const Name& a, const Name& b);

 private:
  friend std::optional<size_t> read_name(std::span<const uint8_t>, size_t, Name*, size_t) noexcept;
  // append_label() puts a label in front of the root; false, and nothing changed, when it does not
  // fit.
  bool append_label(std::span<const uint8_t> label) noexcept;

  std::array<uint8_t, kMaxBytes> bytes_{};
  uint8_t size_ = 1;
};

// Text with the escapes that parse() reads, without the last dot; the root is ".".
std::string to_text(const Name& name);

// read_name() decompresses the name at `offset` of `message` (RFC 1035 §4.1.4) into `out`, which
// may be null, and returns where the next field starts. nullopt when the name is cut off or longer
// than 255 bytes, or when a pointer does not point backwards or points before `first`, or
// when what it points to runs on into where it came from. Chains of pointers are bounded, too.
std::optional<size_t> read_name(std::span<const uint8_t> message, size_t offset, Name* out,
                                size_t first = 0) noexcept;

// skip_name() is where the next field starts, without following pointers: bytes elsewhere in
// `message` cannot change it. nullopt when the name is cut off.
std::optional<size_t> skip_name(std::span<const uint8_t> message, size_t offset) noexcept;

constexpr uint8_t lower(uint8_t c) {
  return c >= 'A' && c <= 'Z' ? static_cast<uint8_t>(c + ('a' - 'A')) : c;
}

}  // namespace connlib::dns
