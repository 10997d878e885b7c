#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>

namespace connlib {

// Fixed-width loads and stores, for codecs whose bounds are already checked. `p` needs
// sizeof(value) bytes.
constexpr uint16_t load_be16(const uint8_t* p) { return static_cast<uint16_t>((p[0] << 8) | p[1]); }
constexpr uint32_t load_be32(const uint8_t* p) {
  return (uint32_t{p[0]} << 24) | (uint32_t{p[1]} << 16) | (uint32_t{p[2]} << 8) | p[3];
}
constexpr uint64_t load_be64(const uint8_t* p) {
  return (uint64_t{load_be32(p)} << 32) | load_be32(p + 4);
}
constexpr uint32_t load_le32(const uint8_t* p) {
  return (uint32_t{p[3]} << 24) | (uint32_t{p[2]} << 16) | (uint32_t{p[1]} << 8) | p[0];
}
constexpr uint64_t load_le64(const uint8_t* p) {
  return (uint64_t{load_le32(p + 4)} << 32) | load_le32(p);
}
constexpr void store_be16(uint8_t* p, uint16_t v) {
  p[0] = static_cast<uint8_t>(v >> 8);
  p[1] = static_cast<uint8_t>(v);
}
constexpr void store_be32(uint8_t* p, uint32_t v) {
  store_be16(p, static_cast<uint16_t>(v >> 16));
  store_be16(p + 2, static_cast<uint16_t>(v));
}
constexpr void store_be64(uint8_t* p, uint64_t v) {
  store_be32(p, static_cast<uint32_t>(v >> 32));
  store_be32(p + 4, static_cast<uint32_t>(v));
}
constexpr void store_le32(uint8_t* p, uint32_t v) {
  for (int i = 0; i < 4; ++i) p[i] = static_cast<uint8_t>(v >> (8 * i));
}
constexpr void store_le64(uint8_t* p, uint64_t v) {
  for (int i = 0; i < 8; ++i) p[i] = static_cast<uint8_t>(v >> (8 * i));
}

// ByteReader reads fields from `bytes`. It fails once and stays failed, returning zeroes and empty
// spans: read all fields, then ask ok(). Returned spans borrow from the input.
class ByteReader {
 public:
  explicit constexpr ByteReader(std::span<const uint8_t> bytes) : rest_(bytes) {}

  constexpr uint8_t u8() {
    const auto s = take(1);
    return s.empty() ? uint8_t{0} : s[0];
  }
  constexpr uint16_t be16() { return fixed<uint16_t, load_be16>(); }
  constexpr uint32_t be32() { return fixed<uint32_t, load_be32>(); }
  constexpr uint64_t be64() { return fixed<uint64_t, load_be64>(); }
  constexpr uint32_t le32() { return fixed<uint32_t, load_le32>(); }
  constexpr uint64_t le64() { return fixed<uint64_t, load_le64>(); }

  // bytes() takes `n` bytes; empty and failed when there are fewer.
  constexpr std::span<const uint8_t> bytes(size_t n) { return take(n); }

  template <size_t N>
  constexpr std::array<uint8_t, N> array() {
    std::array<uint8_t, N> out{};
    const auto s = take(N);
    for (size_t i = 0; i < s.size(); ++i) out[i] = s[i];
    return out;
  }

  // rest() takes all that is left; remaining() says how much that is.
  constexpr std::span<const uint8_t> rest() {
    const auto all = rest_;
    rest_ = {};
    return all;
  }
  constexpr size_t remaining() const { return rest_.size(); }
  constexpr bool ok() const { return ok_; }

 private:
  constexpr std::span<const uint8_t> take(size_t n) {
    if (n > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const auto out = rest_.first(n);
    rest_ = rest_.subspan(n);
    return out;
  }
  template <typename T, T (*Load)(const uint8_t*)>
  constexpr T fixed() {
    const auto s = take(sizeof(T));
    return s.empty() ? T{0} : Load(s.data());
  }

  std::span<const uint8_t> rest_;
  bool ok_ = true;
};

// ByteWriter writes fields into `out`. Like the reader it fails once and stays failed; nothing is
// ever written past the end.
class ByteWriter {
 public:
  explicit constexpr ByteWriter(std::span<uint8_t> out) : out_(out) {}

  constexpr void u8(uint8_t v) {
    if (uint8_t* p = claim(1)) *p = v;
  }
  constexpr void be16(uint16_t v) {
    if (uint8_t* p = claim(2)) store_be16(p, v);
  }
  constexpr void be32(uint32_t v) {
    if (uint8_t* p = claim(4)) store_be32(p, v);
  }
  constexpr void be64(uint64_t v) {
    if (uint8_t* p = claim(8)) store_be64(p, v);
  }
  constexpr void le32(uint32_t v) {
    if (uint8_t* p = claim(4)) store_le32(p, v);
  }
  constexpr void le64(uint64_t v) {
    if (uint8_t* p = claim(8)) store_le64(p, v);
  }
  constexpr void bytes(std::span<const uint8_t> v) {
    uint8_t* p = claim(v.size());
    if (p == nullptr) return;
    for (size_t i = 0; i < v.size(); ++i) p[i] = v[i];
  }
  constexpr void zeros(size_t n) {
    uint8_t* p = claim(n);
    if (p == nullptr) return;
    for (size_t i = 0; i < n; ++i) p[i] = 0;
  }

  // What was written so far, a prefix of `out`: not all of it once the writer has failed.
  constexpr size_t size() const { return size_; }
  constexpr std::span<uint8_t> written() const { return out_.first(size_); }
  constexpr bool ok() const { return ok_; }

 private:
  constexpr uint8_t* claim(size_t n) {
    if (!ok_ || n > out_.size() - size_) {
      ok_ = false;
      return nullptr;
    }
    uint8_t* p = out_.data() + size_;
    size_ += n;
    return p;
  }

  std::span<uint8_t> out_;
  size_t size_ = 0;
  bool ok_ = true;
};

}  // namespace connlib
