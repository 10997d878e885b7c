#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "connlib/base/ip.h"
#include "snownet/stun/attribute.h"
#include "snownet/stun/channel_data.h"
#include "snownet/stun/error_code.h"
#include "snownet/stun/integrity.h"
#include "snownet/stun/message_type.h"
#include "snownet/stun/transaction_id.h"
#include "snownet/stun/xor_address.h"

namespace connlib::snownet::stun {

inline constexpr size_t kHeaderBytes = 20;           // RFC 8489 §5
inline constexpr size_t kMaxAttributes = 32;         // Ours: bounds the work per datagram.
inline constexpr size_t kMaxUsernameBytes = 512;     // "less than 513 bytes"
inline constexpr size_t kMaxQuotedCharacters = 127;  // REALM, NONCE, SOFTWARE: "fewer than 128"

// Header is what can be known of a message whose attributes are not readable.
struct Header {
  MessageType type;
  TransactionId transaction_id;
};

// parse_header() reads the 20 bytes of RFC 8489 §5:
//
//   |0 0|     STUN Message Type     |         Message Length        |
//   |                         Magic Cookie                          |
//   |                     Transaction ID (96 bits)                  |
//
// nullopt unless the top bits, the cookie and the length (a multiple of four that ends exactly
// where `datagram` ends) are right: then it is not STUN, and nobody answers it.
std::optional<Header> parse_header(std::span<const uint8_t> datagram) noexcept;

// Why parse_message() gave no message. A server answers kMalformed requests with 400 and drops the
// rest; everyone else drops all three.
enum class ParseError : uint8_t { kNotStun, kMalformed, kWrongFingerprint };

// UnknownAttributes lists comprehension-required types, in wire order, each once.
class UnknownAttributes {
 public:
  void add(AttributeType type) noexcept;
  std::span<const AttributeType> types() const noexcept { return std::span(types_).first(size_); }
  bool empty() const noexcept { return size_ == 0; }

 private:
  std::array<AttributeType, kMaxAttributes> types_{};
  size_t size_ = 0;
};

// Message is a STUN message whose bytes were checked: a view that borrows from the datagram it was
// parsed from. Getters answer nullopt when the attribute is absent; of a repeated attribute the
// first counts. Attributes behind MESSAGE-INTEGRITY do not exist for any getter (RFC 8489 §14.5).
class Message {
 public:
  MessageType type() const noexcept { return header_.type; }
  Method method() const noexcept { return header_.type.method; }
  MessageClass cls() const noexcept { return header_.type.cls; }
  const TransactionId& transaction_id() const noexcept { return header_.transaction_id; }

  // What MESSAGE-INTEGRITY covers, or everything when there is none; MESSAGE-INTEGRITY and
  // FINGERPRINT themselves are not listed.
  AttributeRange attributes() const noexcept { return AttributeRange(attributes_); }

  // The value of the first attribute of `type`, for types without a getter.
  std::optional<std::span<const uint8_t>> find(AttributeType type) const noexcept;

  std::optional<std::string_view> username() const noexcept;
  std::optional<std::string_view> realm() const noexcept;
  std::optional<std::string_view> nonce() const noexcept;
  std::optional<std::string_view> software() const noexcept;
  std::optional<ErrorReply> error() const noexcept;
  std::optional<SocketAddress> xor_mapped_address() const noexcept;
  std::optional<SocketAddress> xor_peer_address() const noexcept;
  // The first relayed address of `family`: a dual allocation has one of each.
  std::optional<SocketAddress> xor_relayed_address(IpFamily family) const noexcept;
  std::optional<std::chrono::seconds> lifetime() const noexcept;
  // May lie outside the range of channels: ask is_valid(ChannelNumber).
  std::optional<ChannelNumber> channel_number() const noexcept;
  std::optional<uint8_t> requested_transport() const noexcept;  // An IP protocol number.
  // May be neither family: RFC 8656 §7.2 has an answer of its own for that.
  std::optional<AddressFamily> requested_address_family() const noexcept;
  std::optional<AddressFamily> additional_address_family() const noexcept;
  std::optional<std::span<const uint8_t>> data() const noexcept;
  std::optional<uint32_t> priority() const noexcept;
  bool use_candidate() const noexcept { return find(AttributeType::kUseCandidate).has_value(); }
  std::optional<uint64_t> ice_controlled() const noexcept;   // The tie breaker.
  std::optional<uint64_t> ice_controlling() const noexcept;  // The tie breaker.

  // The comprehension-required attributes of this message that is_understood() does not know.
  UnknownAttributes unknown_required() const noexcept;

  bool has_integrity() const noexcept { return integrity_offset_ != 0; }
  bool has_fingerprint() const noexcept { return has_fingerprint_; }  // And it was right.

  // verify_integrity() says whether MESSAGE-INTEGRITY is present and right under `key`, over the
  // bytes as received, in constant time.
  [[nodiscard]] bool verify_integrity(IntegrityKey& key) const;

 private:
  friend std::variant<Message, ParseError> parse_message(std::span<const uint8_t>) noexcept;
  Message(Header header, std::span<const uint8_t> datagram) noexcept
      : header_(header), datagram_(datagram) {}
  std::optional<ParseError> read_attributes() noexcept;
  bool is_well_formed(const Attribute& attribute) const noexcept;
  std::optional<std::string_view> text(AttributeType type) const noexcept;
  std::optional<SocketAddress> address(AttributeType type) const noexcept;

  Header header_;
  std::span<const uint8_t> datagram_;
  std::span<const uint8_t> attributes_;  // Ends in front of MESSAGE-INTEGRITY and FINGERPRINT.
  size_t integrity_offset_ = 0;          // Of the attribute in `datagram_`; 0 when absent.
  bool has_fingerprint_ = false;
};

// parse_message() checks `datagram` once and for all: header, attribute bounds, the values of every
// attribute that has a getter, FINGERPRINT in last place and right. It allocates nothing.
std::variant<Message, ParseError> parse_message(std::span<const uint8_t> datagram) noexcept;

}  // namespace connlib::snownet::stun
