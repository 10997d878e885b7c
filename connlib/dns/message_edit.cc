#include "connlib/dns/message_edit.h"

#include <algorithm>

#include "connlib/base/bytes.h"
#include "connlib/dns/message.h"

namespace connlib::dns {

void set_id(std::span<uint8_t> message, uint16_t id) noexcept {
  if (message.size() >= kHeaderBytes) store_be16(message.data(), id);
}

void age(std::span<uint8_t> message, uint32_t seconds) noexcept {
  const auto parsed = Message::parse(message);
  if (!parsed) return;
  for (const auto section : {Section::kAnswer, Section::kAuthority, Section::kAdditional}) {
    for (const Record record : parsed->records(section)) {
      if (record.type() == RecordType::kOpt) continue;
      const uint32_t ttl = record.ttl_seconds();
      store_be32(&message[record.ttl_offset()], ttl - std::min(ttl, seconds));
    }
  }
}

std::span<uint8_t> truncate(std::span<uint8_t> message) noexcept {
  const auto parsed = Message::parse(message);
  if (!parsed) return message;
  const auto flags = static_cast<uint16_t>(load_be16(&message[2]) | Header::kTruncatedFlag);
  store_be16(&message[2], flags);
  std::fill_n(message.begin() + 6, 6, uint8_t{0});  // ANCOUNT, NSCOUNT, ARCOUNT
  return message.first(parsed->questions_end());
}

}  // namespace connlib::dns
