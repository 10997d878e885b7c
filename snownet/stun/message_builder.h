#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "connlib/base/bytes.h"
#include "connlib/base/ip.h"
#include "snownet/stun/attribute_type.h"
#include "snownet/stun/channel_data.h"
#include "snownet/stun/error_code.h"
#include "snownet/stun/integrity.h"
#include "snownet/stun/message_type.h"
#include "snownet/stun/transaction_id.h"
#include "snownet/stun/xor_address.h"

namespace connlib::snownet::stun {

// MessageBuilder writes one message into `out`, attribute by attribute in the order of the calls:
//
//   MessageBuilder builder(buffer, {Method::kBinding, MessageClass::kRequest}, id);
//   builder.add_username(name).add_priority(priority).add_integrity(key).add_fingerprint();
//   const auto message = builder.finish();
//
// Nothing is written past the end of `out`. What does not fit, and text longer than the protocol
// allows, spoils the whole message: finish() then gives nullopt. It allocates nothing itself.
class MessageBuilder {
 public:
  MessageBuilder(std::span<uint8_t> out, MessageType type, const TransactionId& id);

  MessageBuilder& add_username(std::string_view username);
  MessageBuilder& add_realm(std::string_view realm);
  MessageBuilder& add_nonce(std::string_view nonce);
  MessageBuilder& add_software(std::string_view software);
  MessageBuilder& add_error_code(ErrorCode code) {
    return add_error_code(code, reason_phrase(code));
  }
  MessageBuilder& add_error_code(ErrorCode code, std::string_view reason);
  MessageBuilder& add_unknown_attributes(std::span<const AttributeType> types);
  MessageBuilder& add_xor_mapped_address(const SocketAddress& address);
  MessageBuilder& add_xor_peer_address(const SocketAddress& address);
  MessageBuilder& add_xor_relayed_address(const SocketAddress& address);
  MessageBuilder& add_lifetime(std::chrono::seconds lifetime);  // 0 to 2^32 - 1; clamped.
  MessageBuilder& add_channel_number(ChannelNumber channel);
  MessageBuilder& add_requested_transport(uint8_t protocol);
  MessageBuilder& add_requested_address_family(AddressFamily family);
  MessageBuilder& add_additional_address_family(AddressFamily family);
  MessageBuilder& add_data(std::span<const uint8_t> data);
  MessageBuilder& add_priority(uint32_t priority);
  MessageBuilder& add_use_candidate();
  MessageBuilder& add_ice_controlled(uint64_t tie_breaker);
  MessageBuilder& add_ice_controlling(uint64_t tie_breaker);

  // An attribute of any other type. MESSAGE-INTEGRITY and FINGERPRINT have their own doors.
  MessageBuilder& add(AttributeType type, std::span<const uint8_t> value);

  // add_integrity() signs all that was added so far; only add_fingerprint() may follow.
  MessageBuilder& add_integrity(IntegrityKey& key);
  // add_fingerprint() is always the last call before finish().
  MessageBuilder& add_fingerprint();

  bool ok() const { return ok_ && out_.ok(); }

  // finish() gives the message, a prefix of `out`; nullopt when something did not fit.
  std::optional<std::span<uint8_t>> finish();

 private:
  enum class Stage : uint8_t { kAttributes, kSigned, kFingerprinted };

  MessageBuilder& add_text(AttributeType type, std::string_view text, size_t max_characters);
  MessageBuilder& add_address(AttributeType type, const SocketAddress& address);
  MessageBuilder& add_number(AttributeType type, uint32_t value);
  MessageBuilder& add_number(AttributeType type, uint64_t value);
  void begin(AttributeType type, size_t value_bytes);
  void end();  // Pads.
  void set_length_to(size_t end);

  TransactionId id_;
  ByteWriter out_;
  Stage stage_ = Stage::kAttributes;
  bool ok_ = true;
};

}  // namespace connlib::snownet::stun
