#include "wireguard/noise/messages.h"

#include <algorithm>

#include "connlib/base/bytes.h"

namespace connlib::wireguard {
namespace {

constexpr size_t kMacBytes = 16;

bool is_type(std::span<const uint8_t> datagram, MessageType type) {
  return classify(datagram) == type;
}

PublicKey public_key_at(std::span<const uint8_t> datagram, size_t offset) {
  PublicKey key;
  std::copy_n(datagram.begin() + static_cast<std::ptrdiff_t>(offset), PublicKey::kBytes,
              key.bytes.begin());
  return key;
}

SessionIndex index_at(std::span<const uint8_t> datagram, size_t offset) {
  return SessionIndex(load_le32(datagram.data() + offset));
}

}  // namespace

std::optional<MessageType> classify(std::span<const uint8_t> datagram) {
  if (datagram.size() < kDataMinBytes) return std::nullopt;
  // One word: non-zero reserved bytes make the type unknown (spec §3).
  switch (load_le32(datagram.data())) {
    case 1:
      return datagram.size() == kInitiationBytes ? std::optional(MessageType::kInitiation)
                                                 : std::nullopt;
    case 2:
      return datagram.size() == kResponseBytes ? std::optional(MessageType::kResponse)
                                               : std::nullopt;
    case 3:
      return datagram.size() == kCookieReplyBytes ? std::optional(MessageType::kCookieReply)
                                                  : std::nullopt;
    case 4:
      return MessageType::kData;
    default:
      return std::nullopt;
  }
}

std::optional<Initiation> Initiation::parse(std::span<const uint8_t> datagram) {
  if (!is_type(datagram, MessageType::kInitiation)) return std::nullopt;
  return Initiation{index_at(datagram, 4), public_key_at(datagram, 8), datagram.subspan<40, 48>(),
                    datagram.subspan<88, 28>()};
}

std::optional<Response> Response::parse(std::span<const uint8_t> datagram) {
  if (!is_type(datagram, MessageType::kResponse)) return std::nullopt;
  return Response{index_at(datagram, 4), index_at(datagram, 8), public_key_at(datagram, 12),
                  datagram.subspan<44, 16>()};
}

std::optional<CookieReply> CookieReply::parse(std::span<const uint8_t> datagram) {
  if (!is_type(datagram, MessageType::kCookieReply)) return std::nullopt;
  CookieReply out{index_at(datagram, 4), {}, datagram.subspan<32, 32>()};
  std::copy_n(datagram.begin() + 8, out.nonce.size(), out.nonce.begin());
  return out;
}

std::optional<DataHeader> DataHeader::parse(std::span<const uint8_t> datagram) {
  if (!is_type(datagram, MessageType::kData)) return std::nullopt;
  return DataHeader{index_at(datagram, 4), load_le64(datagram.data() + 8)};
}

void DataHeader::write(std::span<uint8_t, kDataHeaderBytes> out) const {
  store_le32(out.data(), static_cast<uint32_t>(MessageType::kData));
  store_le32(out.data() + 4, receiver.value());
  store_le64(out.data() + 8, counter);
}

std::optional<SessionIndex> receiver_index(std::span<const uint8_t> datagram) {
  const auto type = classify(datagram);
  if (!type) return std::nullopt;
  switch (*type) {
    case MessageType::kInitiation:
      return std::nullopt;
    case MessageType::kResponse:
      return index_at(datagram, 8);
    case MessageType::kCookieReply:
    case MessageType::kData:
      return index_at(datagram, 4);
  }
  return std::nullopt;
}

std::optional<MacFields> MacFields::parse(std::span<const uint8_t> datagram) {
  const auto type = classify(datagram);
  if (type != MessageType::kInitiation && type != MessageType::kResponse) return std::nullopt;
  const auto macs = datagram.last<2 * kMacBytes>();
  return MacFields{datagram.first(datagram.size() - 2 * kMacBytes),
                   datagram.first(datagram.size() - kMacBytes), macs.first<kMacBytes>(),
                   macs.last<kMacBytes>()};
}

}  // namespace connlib::wireguard
