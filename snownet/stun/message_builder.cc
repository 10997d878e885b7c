#include "snownet/stun/message_builder.h"

#include <algorithm>
#include <array>

#include "connlib/base/check.h"
#include "snownet/stun/attribute.h"
#include "snownet/stun/fingerprint.h"
#include "snownet/stun/message.h"
#include "snownet/stun/utf8.h"

namespace connlib::snownet::stun {
namespace {

// The largest message its length field can describe: 16 bits, a multiple of four.
constexpr size_t kMaxMessageBytes = kHeaderBytes + 0xfffc;
constexpr size_t kFingerprintBytes = kAttributeHeaderBytes + sizeof(uint32_t);
constexpr size_t kIntegrityBytes = kAttributeHeaderBytes + sizeof(MessageMac);

std::span<const uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

MessageBuilder::MessageBuilder(std::span<uint8_t> out, MessageType type, const TransactionId& id)
    : id_(id), out_(out.first(std::min(out.size(), kMaxMessageBytes))) {
  out_.be16(encode(type));
  out_.be16(0);
  out_.be32(kMagicCookie);
  out_.bytes(id.bytes);
}

void MessageBuilder::begin(AttributeType type, size_t value_bytes) {
  CONNLIB_CHECK(stage_ == Stage::kAttributes);
  CONNLIB_CHECK(type != AttributeType::kMessageIntegrity && type != AttributeType::kFingerprint);
  if (value_bytes > UINT16_MAX) ok_ = false;
  out_.be16(static_cast<uint16_t>(type));
  out_.be16(static_cast<uint16_t>(value_bytes));
}

void MessageBuilder::end() { out_.zeros(padded(out_.size()) - out_.size()); }

MessageBuilder& MessageBuilder::add(AttributeType type, std::span<const uint8_t> value) {
  begin(type, value.size());
  out_.bytes(value);
  end();
  return *this;
}

MessageBuilder& MessageBuilder::add_text(AttributeType type, std::string_view text,
                                         size_t max_characters) {
  const auto characters = utf8_characters(as_bytes(text));
  if (!characters || *characters > max_characters) ok_ = false;
  return add(type, as_bytes(text));
}

MessageBuilder& MessageBuilder::add_username(std::string_view username) {
  if (username.size() > kMaxUsernameBytes) ok_ = false;
  return add_text(AttributeType::kUsername, username, kMaxUsernameBytes);
}
MessageBuilder& MessageBuilder::add_realm(std::string_view realm) {
  return add_text(AttributeType::kRealm, realm, kMaxQuotedCharacters);
}
MessageBuilder& MessageBuilder::add_nonce(std::string_view nonce) {
  return add_text(AttributeType::kNonce, nonce, kMaxQuotedCharacters);
}
MessageBuilder& MessageBuilder::add_software(std::string_view software) {
  return add_text(AttributeType::kSoftware, software, kMaxQuotedCharacters);
}

MessageBuilder& MessageBuilder::add_error_code(ErrorCode code, std::string_view reason) {
  const auto number = static_cast<uint32_t>(code);
  CONNLIB_CHECK(number >= 300 && number <= 699);
  begin(AttributeType::kErrorCode, 4 + reason.size());
  out_.be16(0);
  out_.u8(static_cast<uint8_t>(number / 100));
  out_.u8(static_cast<uint8_t>(number % 100));
  out_.bytes(as_bytes(reason));
  end();
  return *this;
}

MessageBuilder& MessageBuilder::add_unknown_attributes(std::span<const AttributeType> types) {
  begin(AttributeType::kUnknownAttributes, 2 * types.size());
  for (const AttributeType type : types) out_.be16(static_cast<uint16_t>(type));
  end();
  return *this;
}

MessageBuilder& MessageBuilder::add_address(AttributeType type, const SocketAddress& address) {
  begin(type, xor_address_bytes(address));
  encode_xor_address(address, id_, out_);
  return *this;
}

MessageBuilder& MessageBuilder::add_xor_mapped_address(const SocketAddress& address) {
  return add_address(AttributeType::kXorMappedAddress, address);
}
MessageBuilder& MessageBuilder::add_xor_peer_address(const SocketAddress& address) {
  return add_address(AttributeType::kXorPeerAddress, address);
}
MessageBuilder& MessageBuilder::add_xor_relayed_address(const SocketAddress& address) {
  return add_address(AttributeType::kXorRelayedAddress, address);
}

MessageBuilder& MessageBuilder::add_number(AttributeType type, uint32_t value) {
  begin(type, sizeof(value));
  out_.be32(value);
  return *this;
}
MessageBuilder& MessageBuilder::add_number(AttributeType type, uint64_t value) {
  begin(type, sizeof(value));
  out_.be64(value);
  return *this;
}

MessageBuilder& MessageBuilder::add_lifetime(std::chrono::seconds lifetime) {
  const auto seconds = std::clamp<int64_t>(lifetime.count(), 0, UINT32_MAX);
  return add_number(AttributeType::kLifetime, static_cast<uint32_t>(seconds));
}
MessageBuilder& MessageBuilder::add_channel_number(ChannelNumber channel) {
  return add_number(AttributeType::kChannelNumber, uint32_t{channel.value()} << 16U);
}
MessageBuilder& MessageBuilder::add_requested_transport(uint8_t protocol) {
  return add_number(AttributeType::kRequestedTransport, uint32_t{protocol} << 24U);
}
MessageBuilder& MessageBuilder::add_requested_address_family(AddressFamily family) {
  return add_number(AttributeType::kRequestedAddressFamily, static_cast<uint32_t>(family) << 24U);
}
MessageBuilder& MessageBuilder::add_additional_address_family(AddressFamily family) {
  return add_number(AttributeType::kAdditionalAddressFamily, static_cast<uint32_t>(family) << 24U);
}
MessageBuilder& MessageBuilder::add_data(std::span<const uint8_t> data) {
  return add(AttributeType::kData, data);
}
MessageBuilder& MessageBuilder::add_priority(uint32_t priority) {
  return add_number(AttributeType::kPriority, priority);
}
MessageBuilder& MessageBuilder::add_use_candidate() {
  return add(AttributeType::kUseCandidate, {});
}
MessageBuilder& MessageBuilder::add_ice_controlled(uint64_t tie_breaker) {
  return add_number(AttributeType::kIceControlled, tie_breaker);
}
MessageBuilder& MessageBuilder::add_ice_controlling(uint64_t tie_breaker) {
  return add_number(AttributeType::kIceControlling, tie_breaker);
}

MessageBuilder& MessageBuilder::add_integrity(IntegrityKey& key) {
  CONNLIB_CHECK(stage_ == Stage::kAttributes);
  stage_ = Stage::kSigned;
  if (!ok()) return *this;
  set_length_to(out_.size() + kIntegrityBytes);
  const MessageMac mac = key.sign({out_.written()});
  out_.be16(static_cast<uint16_t>(AttributeType::kMessageIntegrity));
  out_.be16(sizeof(mac));
  out_.bytes(mac);
  return *this;
}

MessageBuilder& MessageBuilder::add_fingerprint() {
  CONNLIB_CHECK(stage_ != Stage::kFingerprinted);
  stage_ = Stage::kFingerprinted;
  if (!ok()) return *this;
  set_length_to(out_.size() + kFingerprintBytes);
  const uint32_t value = fingerprint({out_.written()});
  out_.be16(static_cast<uint16_t>(AttributeType::kFingerprint));
  out_.be16(sizeof(value));
  out_.be32(value);
  return *this;
}

std::optional<std::span<uint8_t>> MessageBuilder::finish() {
  if (!ok()) return std::nullopt;
  set_length_to(out_.size());
  return out_.written();
}

void MessageBuilder::set_length_to(size_t end) {
  store_be16(out_.written().data() + 2, static_cast<uint16_t>(end - kHeaderBytes));
}

}  // namespace connlib::snownet::stun
