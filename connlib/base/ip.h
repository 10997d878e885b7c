#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace connlib {

// Ipv4Address is 4 bytes in network order.
struct Ipv4Address {
  std::array<uint8_t, 4> bytes{};
  friend constexpr auto operator<=>(const Ipv4Address&, const Ipv4Address&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const Ipv4Address& a) {
    return H::combine(std::move(h), a.bytes);
  }
};

// Ipv6Address is 16 bytes in network order. Scopes are not carried: link-local peers are not ours.
struct Ipv6Address {
  std::array<uint8_t, 16> bytes{};
  friend constexpr auto operator<=>(const Ipv6Address&, const Ipv6Address&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const Ipv6Address& a) {
    return H::combine(std::move(h), a.bytes);
  }
};

enum class IpFamily : uint8_t { kV4, kV6 };

// IpAddress is either family, 0.0.0.0 by default; v4 sorts before v6. A v4-mapped v6 address stays
// v6 unless unmapped().
class IpAddress {
 public:
  constexpr IpAddress() = default;
  // NOLINTBEGIN(google-explicit-constructor): either family widens to an address, silently.
  constexpr IpAddress(Ipv4Address v4) : address_(v4) {}
  constexpr IpAddress(Ipv6Address v6) : address_(v6) {}
  // NOLINTEND(google-explicit-constructor)

  // parse() reads dotted quads and RFC 4291 text; nullopt on anything else, scopes included.
  static std::optional<IpAddress> parse(std::string_view text);

  constexpr bool is_v4() const { return std::holds_alternative<Ipv4Address>(address_); }
  constexpr bool is_v6() const { return !is_v4(); }
  constexpr IpFamily family() const { return is_v4() ? IpFamily::kV4 : IpFamily::kV6; }
  constexpr const Ipv4Address* v4() const { return std::get_if<Ipv4Address>(&address_); }
  constexpr const Ipv6Address* v6() const { return std::get_if<Ipv6Address>(&address_); }

  // The bytes in network order: 4 or 16. Borrows from this object.
  std::span<const uint8_t> bytes() const;

  bool is_unspecified() const;
  bool is_loopback() const;
  bool is_multicast() const;
  bool is_link_local() const;

  // ::ffff:a.b.c.d becomes a.b.c.d; everything else stays.
  IpAddress unmapped() const;

  friend constexpr auto operator<=>(const IpAddress&, const IpAddress&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const IpAddress& a) {
    // Debian's Abseil hashes its own variant, not std's.
    if (const auto* four = a.v4()) return H::combine(std::move(h), *four);
    return H::combine(std::move(h), *a.v6());
  }

 private:
  std::variant<Ipv4Address, Ipv6Address> address_;
};

// RFC 5952 text for v6, dotted quad for v4.
std::string to_text(const IpAddress& address);

// SocketAddress is an IP address and a port in host order.
struct SocketAddress {
  IpAddress ip;
  uint16_t port = 0;

  // parse() reads "192.0.2.1:80" and "[2001:db8::1]:80"; nullopt on anything else.
  static std::optional<SocketAddress> parse(std::string_view text);

  friend constexpr auto operator<=>(const SocketAddress&, const SocketAddress&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const SocketAddress& a) {
    return H::combine(std::move(h), a.ip, a.port);
  }
};

std::string to_text(const SocketAddress& address);

// IpPrefix is a network in CIDR form, 0.0.0.0/0 by default. Host bits are always zero, length() is
// in bits and fits the family.
class IpPrefix {
 public:
  constexpr IpPrefix() = default;

  // of() clears host bits; nullopt when `length` is too long for the family.
  static std::optional<IpPrefix> of(const IpAddress& address, uint8_t length);

  // parse() reads "10.0.0.0/8"; a bare address means the whole address. Host bits are cleared.
  // nullopt on anything else.
  static std::optional<IpPrefix> parse(std::string_view text);

  const IpAddress& address() const { return address_; }
  uint8_t length() const { return length_; }
  bool contains(const IpAddress& address) const;  // Never one of the other family.
  friend constexpr auto operator<=>(const IpPrefix&, const IpPrefix&) = default;

 private:
  IpAddress address_;
  uint8_t length_ = 0;
};

std::string to_text(const IpPrefix& prefix);

}  // namespace connlib
