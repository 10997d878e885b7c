#include "snownet/stun/message.h"

#include <algorithm>

#include "connlib/base/bytes.h"
#include "connlib/base/secret.h"
#include "snownet/stun/fingerprint.h"
#include "snownet/stun/utf8.h"

namespace connlib::snownet::stun {
namespace {

// The first four bytes of `message` with the length field set to end at `end`: integrity and
// fingerprint are computed as if the message ended behind their own attribute.
std::array<uint8_t, 4> header_ending_at(std::span<const uint8_t> message, size_t end) noexcept {
  std::array<uint8_t, 4> start{message[0], message[1]};
  store_be16(start.data() + 2, static_cast<uint16_t>(end - kHeaderBytes));
  return start;
}

bool is_quoted(std::span<const uint8_t> value) noexcept {
  const auto characters = utf8_characters(value);
  return characters && *characters <= kMaxQuotedCharacters;
}

}  // namespace

std::optional<Header> parse_header(std::span<const uint8_t> datagram) noexcept {
  ByteReader in(datagram);
  const auto type = decode_message_type(in.be16());
  const uint16_t length = in.be16();
  const uint32_t cookie = in.be32();
  const TransactionId id{in.array<12>()};
  if (!in.ok() || !type || cookie != kMagicCookie) return std::nullopt;
  if (length % 4 != 0 || length != in.remaining()) return std::nullopt;
  return Header{*type, id};
}

void UnknownAttributes::add(AttributeType type) noexcept {
  const auto known = types();
  if (size_ == types_.size() || std::find(known.begin(), known.end(), type) != known.end()) return;
  types_[size_++] = type;
}

std::variant<Message, ParseError> parse_message(std::span<const uint8_t> datagram) noexcept {
  const auto header = parse_header(datagram);
  if (!header) return ParseError::kNotStun;
  Message message(*header, datagram);
  if (const auto error = message.read_attributes()) return *error;
  return message;
}

std::optional<ParseError> Message::read_attributes() noexcept {
  const auto body = datagram_.subspan(kHeaderBytes);
  attributes_ = body;
  ByteReader in(body);
  for (size_t count = 0; in.remaining() > 0; ++count) {
    const size_t offset = datagram_.size() - in.remaining();
    const auto attribute = read_attribute(in);
    if (!attribute || count == kMaxAttributes) return ParseError::kMalformed;
    if (attribute->type == AttributeType::kFingerprint) {
      // RFC 8489 §14.7: "the FINGERPRINT attribute MUST be the last attribute in the message".
      if (attribute->value.size() != 4 || in.remaining() > 0) return ParseError::kMalformed;
      if (!has_integrity()) attributes_ = body.first(offset - kHeaderBytes);
      const auto start = header_ending_at(datagram_, datagram_.size());
      const auto covered = datagram_.first(offset).subspan(start.size());
      if (load_be32(attribute->value.data()) != fingerprint({start, covered})) {
        return ParseError::kWrongFingerprint;
      }
      has_fingerprint_ = true;
    } else if (has_integrity()) {
      // RFC 8489 §14.5: what follows MESSAGE-INTEGRITY must be ignored, so its value is not read.
      continue;
    } else if (attribute->type == AttributeType::kMessageIntegrity) {
      if (attribute->value.size() != sizeof(MessageMac)) return ParseError::kMalformed;
      integrity_offset_ = offset;
      attributes_ = body.first(offset - kHeaderBytes);
    } else if (!is_well_formed(*attribute)) {
      return ParseError::kMalformed;
    }
  }
  return std::nullopt;
}

bool Message::is_well_formed(const Attribute& attribute) const noexcept {
  const auto value = attribute.value;
  switch (attribute.type) {
    case AttributeType::kUsername:
      return value.size() <= kMaxUsernameBytes && utf8_characters(value).has_value();
    case AttributeType::kRealm:
    case AttributeType::kNonce:
    case AttributeType::kSoftware:
      return is_quoted(value);
    case AttributeType::kErrorCode:
      return decode_error_code(value).has_value();
    case AttributeType::kXorMappedAddress:
    case AttributeType::kXorPeerAddress:
    case AttributeType::kXorRelayedAddress:
      return decode_xor_address(value, transaction_id()).has_value();
    case AttributeType::kChannelNumber:
    case AttributeType::kLifetime:
    case AttributeType::kRequestedTransport:
    case AttributeType::kRequestedAddressFamily:
    case AttributeType::kAdditionalAddressFamily:
    case AttributeType::kPriority:
      return value.size() == 4;
    case AttributeType::kIceControlled:
    case AttributeType::kIceControlling:
      return value.size() == 8;
    case AttributeType::kUseCandidate:
      return value.empty();
    case AttributeType::kUnknownAttributes:
      return value.size() % 2 == 0;
    case AttributeType::kData:
    case AttributeType::kMappedAddress:
    case AttributeType::kEvenPort:
    case AttributeType::kDontFragment:
    case AttributeType::kReservationToken:
    case AttributeType::kAddressErrorCode:
    case AttributeType::kAlternateServer:
    case AttributeType::kMessageIntegrity:
    case AttributeType::kFingerprint:
      return true;
  }
  return true;  // Of a type we do not know any value will do.
}

std::optional<std::span<const uint8_t>> Message::find(AttributeType type) const noexcept {
  for (const Attribute& attribute : attributes()) {
    if (attribute.type == type) return attribute.value;
  }
  return std::nullopt;
}

std::optional<std::string_view> Message::text(AttributeType type) const noexcept {
  const auto value = find(type);
  if (!value) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(value->data()), value->size());
}

std::optional<std::string_view> Message::username() const noexcept {
  return text(AttributeType::kUsername);
}
std::optional<std::string_view> Message::realm() const noexcept {
  return text(AttributeType::kRealm);
}
std::optional<std::string_view> Message::nonce() const noexcept {
  return text(AttributeType::kNonce);
}
std::optional<std::string_view> Message::software() const noexcept {
  return text(AttributeType::kSoftware);
}

std::optional<ErrorReply> Message::error() const noexcept {
  const auto value = find(AttributeType::kErrorCode);
  return value ? decode_error_code(*value) : std::nullopt;
}

std::optional<SocketAddress> Message::address(AttributeType type) const noexcept {
  const auto value = find(type);
  return value ? decode_xor_address(*value, transaction_id()) : std::nullopt;
}

std::optional<SocketAddress> Message::xor_mapped_address() const noexcept {
  return address(AttributeType::kXorMappedAddress);
}
std::optional<SocketAddress> Message::xor_peer_address() const noexcept {
  return address(AttributeType::kXorPeerAddress);
}

std::optional<SocketAddress> Message::xor_relayed_address(IpFamily family) const noexcept {
  for (const Attribute& attribute : attributes()) {
    if (attribute.type != AttributeType::kXorRelayedAddress) continue;
    const auto relayed = decode_xor_address(attribute.value, transaction_id());
    if (relayed && relayed->ip.family() == family) return relayed;
  }
  return std::nullopt;
}

std::optional<std::chrono::seconds> Message::lifetime() const noexcept {
  const auto value = find(AttributeType::kLifetime);
  if (!value) return std::nullopt;
  return std::chrono::seconds(load_be32(value->data()));
}

std::optional<ChannelNumber> Message::channel_number() const noexcept {
  const auto value = find(AttributeType::kChannelNumber);
  if (!value) return std::nullopt;
  return ChannelNumber(load_be16(value->data()));
}

std::optional<uint8_t> Message::requested_transport() const noexcept {
  const auto value = find(AttributeType::kRequestedTransport);
  if (!value) return std::nullopt;
  return value->front();
}

std::optional<AddressFamily> Message::requested_address_family() const noexcept {
  const auto value = find(AttributeType::kRequestedAddressFamily);
  if (!value) return std::nullopt;
  return static_cast<AddressFamily>(value->front());
}

std::optional<AddressFamily> Message::additional_address_family() const noexcept {
  const auto value = find(AttributeType::kAdditionalAddressFamily);
  if (!value) return std::nullopt;
  return static_cast<AddressFamily>(value->front());
}

std::optional<std::span<const uint8_t>> Message::data() const noexcept {
  return find(AttributeType::kData);
}

std::optional<uint32_t> Message::priority() const noexcept {
  const auto value = find(AttributeType::kPriority);
  if (!value) return std::nullopt;
  return load_be32(value->data());
}

std::optional<uint64_t> Message::ice_controlled() const noexcept {
  const auto value = find(AttributeType::kIceControlled);
  if (!value) return std::nullopt;
  return load_be64(value->data());
}

std::optional<uint64_t> Message::ice_controlling() const noexcept {
  const auto value = find(AttributeType::kIceControlling);
  if (!value) return std::nullopt;
  return load_be64(value->data());
}

UnknownAttributes Message::unknown_required() const noexcept {
  UnknownAttributes unknown;
  for (const Attribute& attribute : attributes()) {
    if (is_comprehension_required(attribute.type) && !is_understood(attribute.type)) {
      unknown.add(attribute.type);
    }
  }
  return unknown;
}

bool Message::verify_integrity(IntegrityKey& key) const {
  if (!has_integrity()) return false;
  const auto received =
      datagram_.subspan(integrity_offset_ + kAttributeHeaderBytes, sizeof(MessageMac));
  const auto start =
      header_ending_at(datagram_, integrity_offset_ + kAttributeHeaderBytes + sizeof(MessageMac));
  const auto covered = datagram_.first(integrity_offset_).subspan(start.size());
  return equal_constant_time(key.sign({start, covered}), received);
}

}  // namespace connlib::snownet::stun
