#include "connlib/dns/message_builder.h"

#include <algorithm>

#include "connlib/base/check.h"

namespace connlib::dns {
namespace {

constexpr uint16_t kPointer = 0xc000;
constexpr size_t kMaxPointerTarget = 0x3fff;
constexpr size_t kCountsAt = 4;

}  // namespace

MessageBuilder::MessageBuilder(std::span<uint8_t> out, const Header& header)
    : out_(out.first(std::min<size_t>(out.size(), UINT16_MAX))) {
  out_.be16(header.id);
  out_.be16(header.flags());
  out_.zeros(sizeof(counts_));
}

// Every section may only grow while no later one has begun.
bool MessageBuilder::enter(size_t count_index) {
  ok_ = ok_ && stage_ <= count_index && counts_[count_index] < UINT16_MAX;
  if (!ok_) return false;
  stage_ = count_index;
  ++counts_[count_index];
  return true;
}

MessageBuilder& MessageBuilder::add_question(const Question& question) {
  if (!enter(0)) return *this;
  write_name(question.name);
  out_.be16(static_cast<uint16_t>(question.type));
  out_.be16(static_cast<uint16_t>(question.cls));
  return *this;
}

void MessageBuilder::begin_record(Section section, const Name& owner, const Fixed& fixed) {
  if (!enter(1 + static_cast<size_t>(section))) return;
  write_name(owner);
  out_.be16(static_cast<uint16_t>(fixed.type));
  out_.be16(static_cast<uint16_t>(fixed.cls));
  out_.be32(fixed.ttl_seconds);
}

MessageBuilder& MessageBuilder::add(Section section, const Name& owner, const Fixed& fixed,
                                    std::span<const uint8_t> rdata) {
  ok_ = ok_ && rdata.size() <= UINT16_MAX;
  begin_record(section, owner, fixed);
  if (!ok_) return *this;
  out_.be16(static_cast<uint16_t>(rdata.size()));
  out_.bytes(rdata);
  return *this;
}

MessageBuilder& MessageBuilder::add_target(Section section, const Name& owner, const Fixed& fixed,
                                           const Name& target) {
  begin_record(section, owner, fixed);
  if (!ok_) return *this;
  const size_t length_at = out_.size();
  out_.be16(0);
  write_name(target);
  if (out_.ok()) {
    store_be16(out_.written().subspan(length_at).data(),
               static_cast<uint16_t>(out_.size() - length_at - 2));
  }
  return *this;
}

MessageBuilder& MessageBuilder::add_address(const Name& owner, const IpAddress& address,
                                            uint32_t ttl_seconds) {
  const RecordType type = address.is_v4() ? RecordType::kA : RecordType::kAaaa;
  return add(Section::kAnswer, owner, {type, ttl_seconds}, address.bytes());
}

MessageBuilder& MessageBuilder::add_edns(const Edns& edns) {
  const auto cls = static_cast<RecordClass>(edns.udp_payload_bytes);
  return add(Section::kAdditional, Name(), {RecordType::kOpt, edns.ttl(), cls}, {});
}

std::optional<std::span<uint8_t>> MessageBuilder::finish() {
  if (!ok_ || !out_.ok()) return std::nullopt;
  const auto message = out_.written();
  for (size_t i = 0; i < counts_.size(); ++i) {
    store_be16(message.subspan(kCountsAt + 2 * i).data(), counts_[i]);
  }
  return message;
}

void MessageBuilder::write_name(const Name& name) {
  auto rest = name.wire();
  while (rest[0] != 0) {
    if (const auto target = find_suffix(rest)) {
      out_.be16(static_cast<uint16_t>(kPointer | *target));
      return;
    }
    if (target_count_ < targets_.size() && out_.size() <= kMaxPointerTarget) {
      targets_[target_count_++] = static_cast<uint16_t>(out_.size());
    }
    const size_t label = size_t{1} + rest[0];
    out_.bytes(rest.first(label));
    if (!out_.ok()) return;
    rest = rest.subspan(label);
  }
  out_.u8(0);
}

std::optional<uint16_t> MessageBuilder::find_suffix(std::span<const uint8_t> suffix) const {
  for (const uint16_t target : std::span(targets_).first(target_count_)) {
    if (is_at(target, suffix)) return target;
  }
  return std::nullopt;
}

// Reads what we wrote ourselves. A name that is being written ends in the middle: it does not
// match, for its own suffixes are shorter than what we look for.
bool MessageBuilder::is_at(size_t offset, std::span<const uint8_t> suffix) const {
  const auto written = out_.written();
  while (offset < written.size()) {
    const uint8_t length = written[offset];
    if ((length & 0xc0) == 0xc0) {
      offset = load_be16(&written[offset]) & kMaxPointerTarget;
      continue;
    }
    const size_t label = size_t{1} + length;
    if (suffix.size() < label || written.size() - offset < label) return false;
    if (!std::equal(suffix.begin(), suffix.begin() + static_cast<ptrdiff_t>(label),
                    written.begin() + static_cast<ptrdiff_t>(offset))) {
      return false;
    }
    if (length == 0) return true;
    suffix = suffix.subspan(label);
    offset += label;
  }
  return false;
}

}  // namespace connlib::dns
