// Any bytes as STUN and as ChannelData: what the codecs make of them must hang together.
#include <algorithm>
#include <vector>

#include "connlib/base/check.h"
#include "snownet/stun/channel_data.h"
#include "snownet/stun/datagram_kind.h"
#include "snownet/stun/message.h"
#include "snownet/stun/message_builder.h"
#include "snownet/stun/relay_credentials.h"

namespace connlib::snownet::stun {
namespace {

using Bytes = std::span<const uint8_t>;

bool equals(Bytes a, Bytes b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

// A getter's answer must be the meaning of an attribute that is there.
void check_getters(const Message& message) {
  CONNLIB_CHECK(message.use_candidate() == message.find(AttributeType::kUseCandidate).has_value());
  CONNLIB_CHECK(message.error().has_value() == message.find(AttributeType::kErrorCode).has_value());
  CONNLIB_CHECK(message.xor_mapped_address().has_value() ==
                message.find(AttributeType::kXorMappedAddress).has_value());
  CONNLIB_CHECK(message.xor_peer_address().has_value() ==
                message.find(AttributeType::kXorPeerAddress).has_value());
  const bool has_relayed = message.xor_relayed_address(IpFamily::kV4).has_value() ||
                           message.xor_relayed_address(IpFamily::kV6).has_value();
  CONNLIB_CHECK(has_relayed == message.find(AttributeType::kXorRelayedAddress).has_value());
  CONNLIB_CHECK(message.nonce().value_or("").size() <= 4 * kMaxQuotedCharacters);
  CONNLIB_CHECK(message.realm().value_or("").size() <= 4 * kMaxQuotedCharacters);
  CONNLIB_CHECK(message.username().value_or("").size() <= kMaxUsernameBytes);
  CONNLIB_CHECK(message.unknown_required().types().size() <= kMaxAttributes);
  RelayUsername::parse(message.username().value_or(""));
}

// The attributes of `message` written again and signed: read back, they are the same and verify.
void check_round_trip(const Message& message) {
  static IntegrityKey key = IntegrityKey::short_term("password");
  std::vector<uint8_t> buffer(70'000);
  MessageBuilder builder(buffer, message.type(), message.transaction_id());
  for (const Attribute& attribute : message.attributes()) {
    builder.add(attribute.type, attribute.value);
  }
  const auto written = builder.add_integrity(key).add_fingerprint().finish();
  if (!written) return;  // There was no room left for 32 bytes more.
  const auto parsed = parse_message(*written);
  const auto* again = std::get_if<Message>(&parsed);
  if (again == nullptr) {
    // Only the limit on attributes can be in the way of what was read once already.
    const auto attributes = message.attributes();
    size_t count = 0;
    for (auto it = attributes.begin(); it != attributes.end(); ++it) ++count;
    CONNLIB_CHECK(count + 2 > kMaxAttributes);
    return;
  }
  CONNLIB_CHECK(again->verify_integrity(key) && again->has_fingerprint());
  CONNLIB_CHECK(again->type() == message.type());
  CONNLIB_CHECK(again->transaction_id() == message.transaction_id());
  auto read = again->attributes().begin();
  for (const Attribute& attribute : message.attributes()) {
    CONNLIB_CHECK(read != std::default_sentinel && read->type == attribute.type);
    CONNLIB_CHECK(equals(read->value, attribute.value));
    ++read;
  }
  CONNLIB_CHECK(read == std::default_sentinel);
}

void check_stun(Bytes datagram) {
  const auto header = parse_header(datagram);
  const auto parsed = parse_message(datagram);
  const auto* error = std::get_if<ParseError>(&parsed);
  CONNLIB_CHECK(header.has_value() == (error == nullptr || *error != ParseError::kNotStun));
  if (!header) return;
  // Methods from 0x100 on begin with 4 to 63, which RFC 7983 gives to others.
  const bool is_low = static_cast<uint16_t>(header->type.method) < 0x100;
  CONNLIB_CHECK(datagram_kind(datagram) == (is_low ? DatagramKind::kStun : DatagramKind::kOther));
  CONNLIB_CHECK(encode(header->type) == load_be16(datagram.data()));
  const auto* message = std::get_if<Message>(&parsed);
  if (message == nullptr) return;
  static IntegrityKey guess = IntegrityKey::short_term("VOkJxbRl1RmTxUk/WvJxBt");
  CONNLIB_CHECK(message->has_integrity() || !message->verify_integrity(guess));
  static_cast<void>(message->verify_integrity(guess));
  check_getters(*message);
  check_round_trip(*message);
}

void check_channel_data(Bytes datagram) {
  const auto frame = parse_channel_data(datagram);
  if (!frame) return;
  CONNLIB_CHECK(datagram_kind(datagram) == DatagramKind::kChannelData && is_valid(frame->channel));
  std::array<uint8_t, kChannelDataHeaderBytes> header{};
  write_channel_data_header(header, frame->channel, frame->payload.size());
  CONNLIB_CHECK(equals(header, datagram.first(header.size())));
  CONNLIB_CHECK(equals(frame->payload, datagram.subspan(header.size(), frame->payload.size())));
}

}  // namespace
}  // namespace connlib::snownet::stun

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  connlib::snownet::stun::check_stun({data, size});
  connlib::snownet::stun::check_channel_data({data, size});
  return 0;
}
