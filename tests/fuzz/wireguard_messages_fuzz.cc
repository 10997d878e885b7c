// Any bytes as a WireGuard message: what the codec makes of them must hang together.
#include <algorithm>
#include <vector>

#include "connlib/base/bytes.h"
#include "connlib/base/check.h"
#include "wireguard/cookie/macs.h"
#include "wireguard/noise/messages.h"

namespace connlib::wireguard {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr Timestamp kNow = Timestamp::from_nanoseconds(7'777'777'777'777);

void append(Bytes& out, std::span<const uint8_t> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

Bytes header(MessageType type, std::initializer_list<SessionIndex> indices) {
  Bytes out(4 + 4 * indices.size());
  store_le32(out.data(), static_cast<uint32_t>(type));
  size_t at = 4;
  for (const SessionIndex index : indices) {
    store_le32(out.data() + at, index.value());
    at += 4;
  }
  return out;
}

bool equals(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

// The views of a message, put together again, are the message: nothing is lost or read twice.
void check_initiation(std::span<const uint8_t> datagram) {
  const auto message = Initiation::parse(datagram);
  const auto macs = MacFields::parse(datagram);
  CONNLIB_CHECK(message && macs);
  Bytes again = header(MessageType::kInitiation, {message->sender});
  append(again, message->ephemeral.bytes);
  append(again, message->encrypted_static);
  append(again, message->encrypted_timestamp);
  CONNLIB_CHECK(equals(again, macs->alpha));
  append(again, macs->mac1);
  CONNLIB_CHECK(equals(again, macs->beta));
  append(again, macs->mac2);
  CONNLIB_CHECK(equals(again, datagram));
}

void check_response(std::span<const uint8_t> datagram) {
  const auto message = Response::parse(datagram);
  const auto macs = MacFields::parse(datagram);
  CONNLIB_CHECK(message && macs && receiver_index(datagram) == message->receiver);
  Bytes again = header(MessageType::kResponse, {message->sender, message->receiver});
  append(again, message->ephemeral.bytes);
  append(again, message->encrypted_nothing);
  CONNLIB_CHECK(equals(again, macs->alpha));
  append(again, macs->mac1);
  CONNLIB_CHECK(equals(again, macs->beta));
  append(again, macs->mac2);
  CONNLIB_CHECK(equals(again, datagram));
}

void check_cookie_reply(std::span<const uint8_t> datagram) {
  const auto message = CookieReply::parse(datagram);
  CONNLIB_CHECK(message && receiver_index(datagram) == message->receiver);
  Bytes again = header(MessageType::kCookieReply, {message->receiver});
  append(again, message->nonce);
  append(again, message->encrypted_cookie);
  CONNLIB_CHECK(equals(again, datagram));
}

void check_data(std::span<const uint8_t> datagram) {
  const auto message = DataHeader::parse(datagram);
  CONNLIB_CHECK(message && receiver_index(datagram) == message->receiver);
  Bytes again(kDataHeaderBytes);
  message->write(std::span(again).first<kDataHeaderBytes>());
  CONNLIB_CHECK(equals(again, datagram.first(kDataHeaderBytes)));
}

void check_parse(std::span<const uint8_t> datagram) {
  const auto type = classify(datagram);
  CONNLIB_CHECK(Initiation::parse(datagram).has_value() == (type == MessageType::kInitiation));
  CONNLIB_CHECK(Response::parse(datagram).has_value() == (type == MessageType::kResponse));
  CONNLIB_CHECK(CookieReply::parse(datagram).has_value() == (type == MessageType::kCookieReply));
  CONNLIB_CHECK(DataHeader::parse(datagram).has_value() == (type == MessageType::kData));
  CONNLIB_CHECK(MacFields::parse(datagram).has_value() ==
                (type == MessageType::kInitiation || type == MessageType::kResponse));
  CONNLIB_CHECK(receiver_index(datagram).has_value() == (type && type != MessageType::kInitiation));
  if (!type) return;
  switch (*type) {
    case MessageType::kInitiation:
      return check_initiation(datagram);
    case MessageType::kResponse:
      return check_response(datagram);
    case MessageType::kCookieReply:
      return check_cookie_reply(datagram);
    case MessageType::kData:
      return check_data(datagram);
  }
}

// MACs over any message: what stamp() writes is_mac1_valid() accepts; a reply to it, and only to
// it, is taken; the next message then proves its source, and only that source.
void check_macs(Bytes datagram) {
  const PublicKey receiver{{7}};
  const MacKeys keys = MacKeys::of(receiver);
  const SocketAddress source{Ipv4Address{{192, 0, 2, 1}}, 1000};
  const SocketAddress neighbour{Ipv4Address{{192, 0, 2, 1}}, 1001};
  const bool has_macs = MacFields::parse(datagram).has_value();
  CONNLIB_CHECK(!is_mac1_valid(keys, datagram) || has_macs);

  CookieHolder holder(receiver);
  const Bytes before = datagram;
  holder.stamp(kNow, datagram);
  CONNLIB_CHECK(is_mac1_valid(keys, datagram) == has_macs);
  if (!has_macs) return CONNLIB_CHECK(datagram == before);
  CONNLIB_CHECK(equals(std::span(datagram).first(datagram.size() - 32),
                       std::span(before).first(before.size() - 32)));

  SeededRandom random(1);
  CookieIssuer issuer(receiver, random);
  CONNLIB_CHECK(!issuer.is_mac2_valid(kNow, source, datagram));
  std::array<uint8_t, kCookieReplyBytes> reply{};
  issuer.create_reply(kNow, source, datagram, reply);
  auto forged = reply;
  forged[8 + datagram[8] % 56] ^= 1;  // Anywhere in nonce, cookie and tag.
  CONNLIB_CHECK(!holder.handle_reply(kNow, *CookieReply::parse(forged)));
  CONNLIB_CHECK(holder.handle_reply(kNow, *CookieReply::parse(reply)));
  CONNLIB_CHECK(!holder.handle_reply(kNow, *CookieReply::parse(reply)));
  holder.stamp(kNow, datagram);
  CONNLIB_CHECK(issuer.is_mac2_valid(kNow, source, datagram));
  CONNLIB_CHECK(!issuer.is_mac2_valid(kNow, neighbour, datagram));
}

}  // namespace
}  // namespace connlib::wireguard

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> datagram(data, size);
  connlib::wireguard::check_parse(datagram);
  connlib::wireguard::check_macs({datagram.begin(), datagram.end()});
  return 0;
}
