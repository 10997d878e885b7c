#include "connlib/base/ip.h"

#include <algorithm>

#include <fmt/format.h>

#include "connlib/base/bytes.h"

namespace connlib {
namespace {

// Reads a decimal number without sign or leading zeros, at most `max`.
std::optional<uint32_t> parse_decimal(std::string_view text, uint32_t max) {
  if (text.empty() || text.size() > 10 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  if (value > max) return std::nullopt;
  return static_cast<uint32_t>(value);
}

std::optional<Ipv4Address> parse_v4(std::string_view text) {
  Ipv4Address out;
  for (size_t i = 0; i < 4; ++i) {
    const size_t dot = text.find('.');
    if ((dot == std::string_view::npos) != (i == 3)) return std::nullopt;
    const auto octet = parse_decimal(text.substr(0, dot), 255);
    if (!octet) return std::nullopt;
    out.bytes[i] = static_cast<uint8_t>(*octet);
    text.remove_prefix(i == 3 ? text.size() : dot + 1);
  }
  return out;
}

std::optional<uint16_t> parse_group(std::string_view text) {
  if (text.empty() || text.size() > 4) return std::nullopt;
  uint32_t value = 0;
  for (const char c : text) {
    const char lower = static_cast<char>(c | 0x20);
    if (c >= '0' && c <= '9') {
      value = value * 16 + static_cast<uint32_t>(c - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      value = value * 16 + static_cast<uint32_t>(lower - 'a' + 10);
    } else {
      return std::nullopt;
    }
  }
  return static_cast<uint16_t>(value);
}

// Parses colon-separated groups into `out`; a dotted quad may end the list where the address ends.
// The count of 16-bit groups, or nullopt.
std::optional<size_t> parse_groups(std::string_view text, bool ends_address,
                                   std::span<uint16_t, 8> out) {
  size_t count = 0;
  if (text.empty()) return count;
  for (;;) {
    const size_t colon = text.find(':');
    const std::string_view part = text.substr(0, colon);
    if (ends_address && colon == std::string_view::npos &&
        part.find('.') != std::string_view::npos) {
      const auto v4 = parse_v4(part);
      if (!v4 || count > 6) return std::nullopt;
      out[count++] = load_be16(v4->bytes.data());
      out[count++] = load_be16(v4->bytes.data() + 2);
      return count;
    }
    const auto group = parse_group(part);
    if (!group || count > 7) return std::nullopt;
    out[count++] = *group;
    if (colon == std::string_view::npos) return count;
    text.remove_prefix(colon + 1);
  }
}

std::optional<Ipv6Address> parse_v6(std::string_view text) {
  std::array<uint16_t, 8> head{};
  std::array<uint16_t, 8> tail{};
  const size_t gap = text.find("::");
  const auto head_count = parse_groups(text.substr(0, gap), gap == std::string_view::npos, head);
  if (!head_count) return std::nullopt;
  if (gap == std::string_view::npos) {
    if (*head_count != 8) return std::nullopt;
  } else {
    const auto tail_count = parse_groups(text.substr(gap + 2), true, tail);
    if (!tail_count || *head_count + *tail_count > 7) return std::nullopt;
    std::copy_n(tail.begin(), *tail_count, head.end() - static_cast<std::ptrdiff_t>(*tail_count));
  }
  Ipv6Address out;
  for (size_t i = 0; i < 8; ++i) store_be16(out.bytes.data() + 2 * i, head[i]);
  return out;
}

std::string v6_text(const Ipv6Address& address) {
  std::array<uint16_t, 8> groups{};
  for (size_t i = 0; i < 8; ++i) groups[i] = load_be16(address.bytes.data() + 2 * i);
  size_t best = 8;
  size_t best_length = 1;  // RFC 5952 §4.2.2: one zero group alone is not shortened.
  for (size_t i = 0; i < 8;) {
    size_t end = i;
    while (end < 8 && groups[end] == 0) ++end;
    if (end - i > best_length) {
      best = i;
      best_length = end - i;
    }
    i = std::max(end, i + 1);
  }
  std::string out;
  for (size_t i = 0; i < 8; ++i) {
    if (i == best) {
      out += "::";
      i += best_length - 1;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    out += fmt::format("{:x}", groups[i]);
  }
  return out;
}

constexpr std::array<uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.find(':') != std::string_view::npos) {
    if (const auto v6 = parse_v6(text)) return IpAddress(*v6);
    return std::nullopt;
  }
  if (const auto v4 = parse_v4(text)) return IpAddress(*v4);
  return std::nullopt;
}

std::span<const uint8_t> IpAddress::bytes() const {
  if (const auto* four = v4()) return four->bytes;
  return v6()->bytes;
}

bool IpAddress::is_unspecified() const {
  const auto all = bytes();
  return std::all_of(all.begin(), all.end(), [](uint8_t b) { return b == 0; });
}

bool IpAddress::is_loopback() const {
  if (const auto* four = v4()) return four->bytes[0] == 127;
  const auto& b = v6()->bytes;
  return std::all_of(b.begin(), b.end() - 1, [](uint8_t x) { return x == 0; }) && b[15] == 1;
}

bool IpAddress::is_multicast() const {
  if (const auto* four = v4()) return (four->bytes[0] & 0xf0) == 0xe0;
  return v6()->bytes[0] == 0xff;
}

bool IpAddress::is_link_local() const {
  if (const auto* four = v4()) return four->bytes[0] == 169 && four->bytes[1] == 254;
  return v6()->bytes[0] == 0xfe && (v6()->bytes[1] & 0xc0) == 0x80;
}

IpAddress IpAddress::unmapped() const {
  const auto* six = v6();
  if (six == nullptr ||
      !std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), six->bytes.begin())) {
    return *this;
  }
  Ipv4Address out;
  std::copy(six->bytes.begin() + 12, six->bytes.end(), out.bytes.begin());
  return out;
}

std::string to_text(const IpAddress& address) {
  if (const auto* four = address.v4()) {
    return fmt::format("{}.{}.{}.{}", four->bytes[0], four->bytes[1], four->bytes[2],
                       four->bytes[3]);
  }
  return v6_text(*address.v6());
}

std::optional<SocketAddress> SocketAddress::parse(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const auto port = parse_decimal(text.substr(colon + 1), 65535);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto ip = IpAddress::parse(host);
  if (!ip || !port || ip->is_v6() != bracketed) return std::nullopt;
  return SocketAddress{*ip, static_cast<uint16_t>(*port)};
}

std::string to_text(const SocketAddress& address) {
  const std::string ip = to_text(address.ip);
  return address.ip.is_v4() ? fmt::format("{}:{}", ip, address.port)
                            : fmt::format("[{}]:{}", ip, address.port);
}

std::optional<IpPrefix> IpPrefix::of(const IpAddress& address, uint8_t length) {
  const size_t bits = address.bytes().size() * 8;
  if (length > bits) return std::nullopt;
  IpPrefix out;
  out.length_ = length;
  const auto mask = [length](std::span<uint8_t> bytes) {
    for (size_t i = 0; i < bytes.size(); ++i) {
      const int keep = std::clamp(int{length} - static_cast<int>(i) * 8, 0, 8);
      bytes[i] = static_cast<uint8_t>(bytes[i] & (0xff00 >> keep));
    }
  };
  if (const auto* four = address.v4()) {
    Ipv4Address masked = *four;
    mask(masked.bytes);
    out.address_ = masked;
  } else {
    Ipv6Address masked = *address.v6();
    mask(masked.bytes);
    out.address_ = masked;
  }
  return out;
}

std::optional<IpPrefix> IpPrefix::parse(std::string_view text) {
  const size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  const auto bits = static_cast<uint32_t>(address->bytes().size() * 8);
  if (slash == std::string_view::npos) return of(*address, static_cast<uint8_t>(bits));
  const auto length = parse_decimal(text.substr(slash + 1), bits);
  if (!length) return std::nullopt;
  return of(*address, static_cast<uint8_t>(*length));
}

bool IpPrefix::contains(const IpAddress& address) const {
  if (address.family() != address_.family()) return false;
  return of(address, length_)->address() == address_;
}

std::string to_text(const IpPrefix& prefix) {
  return fmt::format("{}/{}", to_text(prefix.address()), prefix.length());
}

}  // namespace connlib
