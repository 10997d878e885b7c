#include "connlib/dns/message.h"

#include <algorithm>

namespace connlib::dns {
namespace {

constexpr size_t kQuestionFixedBytes = 4;  // QTYPE, QCLASS
constexpr size_t kSoaFixedBytes = 20;      // SERIAL, REFRESH, RETRY, EXPIRE, MINIMUM

constexpr size_t count_offset(Section section) { return 6 + 2 * static_cast<size_t>(section); }

}  // namespace

Record::Record(std::span<const uint8_t> message, size_t offset) noexcept
    : message_(message), owner_(offset), fields_(skip_name(message, offset).value_or(offset)) {}

Name Record::owner() const noexcept {
  Name name;
  read_name(message_, owner_, &name, kHeaderBytes);
  return name;
}

std::optional<IpAddress> Record::address() const noexcept {
  const auto bytes = rdata();
  Ipv4Address v4;
  Ipv6Address v6;
  if (type() == RecordType::kA && bytes.size() == v4.bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), v4.bytes.begin());
    return IpAddress(v4);
  }
  if (type() == RecordType::kAaaa && bytes.size() == v6.bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), v6.bytes.begin());
    return IpAddress(v6);
  }
  return std::nullopt;
}

std::optional<Name> Record::target() const noexcept {
  const auto t = type();
  if (t != RecordType::kCname && t != RecordType::kNs && t != RecordType::kPtr) return std::nullopt;
  Name name;
  if (read_name(message_, fields_ + kFixedBytes, &name, kHeaderBytes) != end()) return std::nullopt;
  return name;
}

std::optional<uint32_t> Record::soa_minimum_seconds() const noexcept {
  if (type() != RecordType::kSoa) return std::nullopt;
  const auto primary_end = read_name(message_, fields_ + kFixedBytes, nullptr, kHeaderBytes);
  if (!primary_end) return std::nullopt;
  const auto mailbox_end = read_name(message_, *primary_end, nullptr, kHeaderBytes);
  if (!mailbox_end || *mailbox_end + kSoaFixedBytes != end()) return std::nullopt;
  return load_be32(&message_[end() - 4]);
}

std::optional<Message> Message::parse(std::span<const uint8_t> bytes) noexcept {
  if (bytes.size() < kHeaderBytes) return std::nullopt;
  Message message(bytes);
  if (!message.read_questions()) return std::nullopt;
  size_t offset = message.starts_[0];
  for (const auto section : {Section::kAnswer, Section::kAuthority, Section::kAdditional}) {
    message.starts_[static_cast<size_t>(section)] = offset;
    if (!message.read_records(section, offset)) return std::nullopt;
  }
  message.bytes_ = bytes.first(offset);
  return message;
}

bool Message::read_questions() noexcept {
  size_t offset = kHeaderBytes;
  for (size_t i = 0; i < question_count(); ++i) {
    const auto end = read_name(bytes_, offset, nullptr, kHeaderBytes);
    if (!end || bytes_.size() - *end < kQuestionFixedBytes) return false;
    offset = *end + kQuestionFixedBytes;
  }
  starts_[0] = offset;
  return true;
}

bool Message::read_records(Section section, size_t& offset) noexcept {
  const size_t count = load_be16(&bytes_[count_offset(section)]);
  for (size_t i = 0; i < count; ++i) {
    const auto end = read_name(bytes_, offset, nullptr, kHeaderBytes);
    if (!end || bytes_.size() - *end < Record::kFixedBytes) return false;
    const Record record(bytes_, offset);
    if (record.end() > bytes_.size()) return false;
    if (record.type() == RecordType::kOpt) {
      if (section != Section::kAdditional || edns_ || !record.owner().is_root()) return false;
      edns_ = Edns::decode(static_cast<uint16_t>(record.cls()), record.ttl_seconds());
    }
    offset = record.end();
  }
  return true;
}

std::optional<Question> Message::question() const noexcept {
  if (question_count() == 0) return std::nullopt;
  Question question;
  const auto end = read_name(bytes_, kHeaderBytes, &question.name, kHeaderBytes);
  if (!end) return std::nullopt;
  question.type = static_cast<RecordType>(load_be16(&bytes_[*end]));
  question.cls = static_cast<RecordClass>(load_be16(&bytes_[*end + 2]));
  return question;
}

RecordRange Message::records(Section section) const noexcept {
  return {bytes_, starts_[static_cast<size_t>(section)], load_be16(&bytes_[count_offset(section)])};
}

}  // namespace connlib::dns
