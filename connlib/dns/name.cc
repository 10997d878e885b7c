#include "connlib/dns/name.h"

#include <algorithm>
#include <charconv>

#include "connlib/base/check.h"

namespace connlib::dns {
namespace {

// Ours: a name has at most 127 labels, so nobody needs more pointers than that. Without a limit one
// message could make us follow thousands per record.
constexpr size_t kMaxPointers = 127;

constexpr uint8_t kPointerMark = 0xc0;
constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kV4Suffix = "\7in-addr\4arpa";
constexpr std::string_view kV6Suffix = "\3ip6\4arpa";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// One character of a label, escapes undone; takes it from the front of `text`.
std::optional<uint8_t> take_character(std::string_view& text) {
  const char first = text.front();
  text.remove_prefix(1);
  if (first != '\\') return static_cast<uint8_t>(first);
  if (text.empty()) return std::nullopt;
  if (!is_digit(text.front())) {
    const char escaped = text.front();
    text.remove_prefix(1);
    return static_cast<uint8_t>(escaped);
  }
  if (text.size() < 3 || !is_digit(text[1]) || !is_digit(text[2])) return std::nullopt;
  const int value = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
  text.remove_prefix(3);
  if (value > 255) return std::nullopt;
  return static_cast<uint8_t>(value);
}

std::span<const uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

std::optional<Name> Name::parse(std::string_view text) {
  Name name;
  if (text == ".") return name;
  while (!text.empty()) {
    std::array<uint8_t, kMaxLabelBytes> label{};
    size_t size = 0;
    while (!text.empty() && text.front() != '.') {
      const auto character = take_character(text);
      if (!character || size == label.size()) return std::nullopt;
      label[size++] = *character;
    }
    if (size == 0 || !name.append_label(std::span(label).first(size))) return std::nullopt;
    if (!text.empty()) text.remove_prefix(1);  // The dot.
  }
  if (name.is_root()) return std::nullopt;
  return name;
}

Name Name::reverse_of(const IpAddress& address) {
  Name name;
  const auto bytes = address.bytes();
  for (size_t i = bytes.size(); i-- > 0;) {
    if (address.is_v4()) {
      std::array<char, 3> digits{};
      const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), bytes[i]).ptr;
      name.append_label(as_bytes({digits.data(), static_cast<size_t>(end - digits.data())}));
    } else {
      name.append_label(as_bytes(kHexDigits.substr(bytes[i] & 0xf, 1)));
      name.append_label(as_bytes(kHexDigits.substr(bytes[i] >> 4, 1)));
    }
  }
  name.append_label(as_bytes(address.is_v4() ? "in-addr" : "ip6"));
  name.append_label(as_bytes("arpa"));
  return name;
}

std::optional<IpAddress> Name::reverse_address() const {
  const Name name = lowered();
  std::string_view rest = name.wire_text();
  rest.remove_suffix(1);
  const auto drop_suffix = [&rest](std::string_view suffix) {
    if (rest.size() < suffix.size() || rest.substr(rest.size() - suffix.size()) != suffix) {
      return false;
    }
    rest.remove_suffix(suffix.size());
    return true;
  };
  if (drop_suffix(kV4Suffix)) {
    std::string text;
    while (!rest.empty()) {
      const auto length = static_cast<uint8_t>(rest.front());
      // The suffix may have begun inside a label: labels hold any bytes.
      if (rest.size() - 1 < length) return std::nullopt;
      text.insert(0, (text.empty() ? "" : "."));
      text.insert(0, rest.substr(1, length));
      rest.remove_prefix(1 + size_t{length});
    }
    // 192.0.2.1 has one reverse name, so "01" is not read.
    const auto address = IpAddress::parse(text);
    return address && reverse_of(*address) == name ? address : std::nullopt;
  }
  Ipv6Address v6;
  if (!drop_suffix(kV6Suffix) || rest.size() != 4 * v6.bytes.size()) return std::nullopt;
  for (size_t i = 0; i < 2 * v6.bytes.size(); ++i) {
    const size_t digit = kHexDigits.find(rest[2 * i + 1]);
    if (rest[2 * i] != 1 || digit == std::string_view::npos) return std::nullopt;
    uint8_t& byte = v6.bytes[v6.bytes.size() - 1 - i / 2];
    byte = static_cast<uint8_t>(byte | (i % 2 == 0 ? digit : digit << 4));
  }
  return IpAddress(v6);
}

std::string_view Name::wire_text() const {
  return {reinterpret_cast<const char*>(bytes_.data()), size_};
}

Name Name::lowered() const {
  Name out = *this;
  // Lengths are below 'A', so they stay.
  for (uint8_t& byte : std::span(out.bytes_).first(size_)) byte = lower(byte);
  return out;
}

bool operator==(const Name& a, const Name& b) {
  return a.size_ == b.size_ &&
         std::equal(a.wire().begin(), a.wire().end(), b.wire().begin(),
                    [](uint8_t x, uint8_t y) { return lower(x) == lower(y); });
}

bool Name::append_label(std::span<const uint8_t> label) noexcept {
  CONNLIB_DCHECK(!label.empty() && label.size() <= kMaxLabelBytes);
  if (size_t{size_} + 1 + label.size() > kMaxBytes) return false;
  const size_t at = size_ - size_t{1};
  bytes_[at] = static_cast<uint8_t>(label.size());
  std::copy(label.begin(), label.end(), bytes_.begin() + static_cast<ptrdiff_t>(at) + 1);
  size_ = static_cast<uint8_t>(size_ + 1 + label.size());
  bytes_[size_ - size_t{1}] = 0;
  return true;
}

std::string to_text(const Name& name) {
  if (name.is_root()) return ".";
  std::string out;
  auto rest = name.wire();
  while (rest[0] != 0) {
    if (!out.empty()) out += '.';
    for (const uint8_t byte : rest.subspan(1, rest[0])) {
      const char c = static_cast<char>(byte);
      if (c == '.' || c == '\\') {
        out += {'\\', c};
      } else if (byte > 0x20 && byte < 0x7f) {
        out += c;
      } else {
        const auto digit = [&](int unit) { return static_cast<char>('0' + byte / unit % 10); };
        out += {'\\', digit(100), digit(10), digit(1)};
      }
    }
    rest = rest.subspan(size_t{1} + rest[0]);
  }
  return out;
}

std::optional<size_t> read_name(std::span<const uint8_t> message, size_t offset, Name* out,
                                size_t first) noexcept {
  if (out != nullptr) *out = Name();
  std::optional<size_t> end;      // Known with the first pointer.
  size_t lowest = offset;         // Where the part that we are in begins,
  size_t limit = message.size();  // and what it must end before: the part that led here.
  size_t pointers = 0;
  size_t bytes = 1;
  while (offset < limit) {
    const uint8_t length = message[offset];
    if (length == 0) return end ? end : offset + 1;
    if ((length & kPointerMark) == kPointerMark) {
      if (limit - offset < 2 || ++pointers > kMaxPointers) return std::nullopt;
      if (!end) end = offset + 2;
      const size_t target = (length & ~unsigned{kPointerMark}) << 8 | message[offset + 1];
      if (target >= lowest || target < first) return std::nullopt;
      limit = lowest;
      lowest = offset = target;
      continue;
    }
    if (length > Name::kMaxLabelBytes || limit - offset <= length) return std::nullopt;
    bytes += size_t{1} + length;
    if (bytes > Name::kMaxBytes) return std::nullopt;
    if (out != nullptr) out->append_label(message.subspan(offset + 1, length));
    offset += size_t{1} + length;
  }
  return std::nullopt;
}

std::optional<size_t> skip_name(std::span<const uint8_t> message, size_t offset) noexcept {
  while (offset < message.size()) {
    const uint8_t length = message[offset];
    if (length == 0) return offset + 1;
    if ((length & kPointerMark) != 0) return offset + 2;
    offset += size_t{1} + length;
  }
  return std::nullopt;
}

}  // namespace connlib::dns
