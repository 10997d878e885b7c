#pragma once

#include <array>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>

#include "connlib/base/bytes.h"
#include "connlib/base/ip.h"
#include "connlib/dns/edns.h"
#include "connlib/dns/header.h"
#include "connlib/dns/name.h"
#include "connlib/dns/record_type.h"

namespace connlib::dns {

enum class Section : uint8_t { kAnswer, kAuthority, kAdditional };

struct Question {
  Name name;
  RecordType type = RecordType::kA;
  RecordClass cls = RecordClass::kIn;

  friend bool operator==(const Question&, const Question&) = default;
};

// Record is one resource record of a message (RFC 1035 §4.1.3), whose bytes it borrows.
class Record {
 public:
  Record(std::span<const uint8_t> message, size_t offset) noexcept;  // Of a message that parsed.

  Name owner() const noexcept;
  RecordType type() const noexcept { return static_cast<RecordType>(field16(0)); }
  RecordClass cls() const noexcept { return static_cast<RecordClass>(field16(2)); }
  uint32_t ttl_seconds() const noexcept { return load_be32(&message_[fields_ + kTtlAt]); }
  std::span<const uint8_t> rdata() const noexcept {
    return message_.subspan(fields_ + kFixedBytes, field16(8));
  }

  // The address of an A or AAAA record, and the name of a CNAME, NS or PTR record. nullopt for
  // other types and for rdata that is no such thing.
  std::optional<IpAddress> address() const noexcept;
  std::optional<Name> target() const noexcept;
  // MINIMUM of an SOA record: how long an absence may be remembered (RFC 2308 §4).
  std::optional<uint32_t> soa_minimum_seconds() const noexcept;

  size_t ttl_offset() const noexcept { return fields_ + kTtlAt; }  // Within the message.
  size_t end() const noexcept { return fields_ + kFixedBytes + field16(8); }

  static constexpr size_t kFixedBytes = 10;  // TYPE, CLASS, TTL, RDLENGTH

 private:
  static constexpr size_t kTtlAt = 4;
  uint16_t field16(size_t at) const noexcept { return load_be16(&message_[fields_ + at]); }

  std::span<const uint8_t> message_;
  size_t owner_;
  size_t fields_;
};

// RecordRange walks the records of one section.
class RecordRange {
 public:
  class Iterator {
   public:
    using value_type = Record;
    using difference_type = ptrdiff_t;
    Iterator(std::span<const uint8_t> message, size_t offset, size_t left) noexcept
        : message_(message), offset_(offset), left_(left) {}
    Record operator*() const noexcept { return Record(message_, offset_); }
    Iterator& operator++() noexcept {
      offset_ = (**this).end();
      --left_;
      return *this;
    }
    friend bool operator==(const Iterator& a, std::default_sentinel_t) noexcept {
      return a.left_ == 0;
    }

   private:
    std::span<const uint8_t> message_;
    size_t offset_;
    size_t left_;
  };

  RecordRange(std::span<const uint8_t> message, size_t offset, size_t count) noexcept
      : message_(message), offset_(offset), count_(count) {}
  Iterator begin() const noexcept { return {message_, offset_, count_}; }
  std::default_sentinel_t end() const noexcept { return {}; }
  size_t size() const noexcept { return count_; }

 private:
  std::span<const uint8_t> message_;
  size_t offset_;
  size_t count_;
};

// Message is a DNS message whose structure was checked: a view that borrows the bytes it was parsed
// from. It allocates nothing.
class Message {
 public:
  // parse() checks header, counts, every name and every record's length. No name may point into the
  // header, which we edit. Bytes behind the last
  // record are ignored and no part of bytes(). nullopt for anything else, and for a message with
  // two OPT records or one in the wrong place (RFC 6891 §6.1.1).
  static std::optional<Message> parse(std::span<const uint8_t> bytes) noexcept;

  std::span<const uint8_t> bytes() const noexcept { return bytes_; }
  Header header() const noexcept { return Header::decode(id(), load_be16(&bytes_[2])); }
  uint16_t id() const noexcept { return load_be16(&bytes_[0]); }

  size_t question_count() const noexcept { return load_be16(&bytes_[4]); }
  std::optional<Question> question() const noexcept;  // The first one.

  RecordRange records(Section section) const noexcept;
  const std::optional<Edns>& edns() const noexcept { return edns_; }

  // Where the questions end and the answers begin.
  size_t questions_end() const noexcept { return starts_[0]; }

 private:
  explicit Message(std::span<const uint8_t> bytes) noexcept : bytes_(bytes) {}
  bool read_questions() noexcept;
  bool read_records(Section section, size_t& offset) noexcept;

  std::span<const uint8_t> bytes_;
  std::array<size_t, 3> starts_{};  // By section.
  std::optional<Edns> edns_;
};

}  // namespace connlib::dns
