#include "connlib/dns/cache.h"

#include <algorithm>

#include "connlib/base/bytes.h"
#include "connlib/dns/answer.h"
#include "connlib/dns/message_builder.h"
#include "connlib/dns/message_edit.h"

namespace connlib::dns {
namespace {

constexpr size_t kOptBytes = 1 + Record::kFixedBytes;

// Signatures are in the answer only for those who want them, and a server checks them or not: both
// make another question (RFC 4035 §3.2).
std::string key_of(const Question& question, const Message& message) {
  const Name lowered = question.name.lowered();
  std::string key(lowered.wire_text());
  const auto append = [&key](uint16_t value) {
    key += static_cast<char>(value >> 8);
    key += static_cast<char>(value);
  };
  append(static_cast<uint16_t>(question.type));
  append(static_cast<uint16_t>(question.cls));
  key += (message.edns() && message.edns()->dnssec_ok) ? 'd' : '-';
  key += message.header().checking_disabled ? 'c' : '-';
  return key;
}

// How long a positive answer lives: the least TTL of the records that were asked for. nullopt when
// there is none.
std::optional<uint32_t> positive_ttl(const Message& response, RecordType type) {
  std::optional<uint32_t> least;
  for (const Record record : response.records(Section::kAnswer)) {
    if (record.type() != type && type != RecordType::kAny) continue;
    least = std::min(least.value_or(Cache::kMaxTtlSeconds), record.ttl_seconds());
  }
  return least;
}

// RFC 2308 §5: "the minimum of the SOA.MINIMUM field and SOA's TTL". Without an SOA an absence is
// not kept. An answer that ends in a CNAME is kept no longer than that.
std::optional<uint32_t> negative_ttl(const Message& response) {
  std::optional<uint32_t> ttl;
  for (const Record record : response.records(Section::kAuthority)) {
    const auto minimum = record.soa_minimum_seconds();
    if (!minimum) continue;
    ttl = std::min({*minimum, record.ttl_seconds(), Cache::kMaxNegativeTtlSeconds});
    break;
  }
  for (const Record record : response.records(Section::kAnswer)) {
    if (ttl) ttl = std::min(*ttl, record.ttl_seconds());
  }
  return ttl;
}

}  // namespace

void Cache::insert(Timestamp now, const Message& response) {
  const Header header = response.header();
  const auto question = response.question();
  if (!header.is_response || header.is_truncated || response.question_count() != 1) return;
  if (response.edns() && response.edns()->extended_code != 0) return;
  std::optional<uint32_t> ttl;
  bool is_negative = false;
  if (header.code == ResponseCode::kNoError) ttl = positive_ttl(response, question->type);
  if (!ttl && (header.code == ResponseCode::kNoError || header.code == ResponseCode::kNameError)) {
    ttl = negative_ttl(response);
    is_negative = true;
  }
  if (!ttl || *ttl < kMinTtlSeconds) return;

  // Only a name that is spelled out can be replaced by the asker's spelling.
  if (response.questions_end() != kHeaderBytes + question->name.size() + 4) return;
  // The answer section, and for an absence the authority: its SOA tells the asker how long.
  const auto sections_end = [&](Section section) {
    size_t end = response.questions_end();
    for (const Record record : response.records(section)) end = record.end();
    return end;
  };
  size_t end = sections_end(Section::kAnswer);
  const bool keeps_authority = is_negative;
  if (keeps_authority) end = std::max(end, sections_end(Section::kAuthority));
  if (end > kMaxAnswerBytes) return;
  const auto kept = response.bytes().first(end);
  Entry entry{now, now + std::chrono::seconds(*ttl), {kept.begin(), kept.end()}};
  if (!keeps_authority) store_be16(&entry.message[8], 0);  // NSCOUNT
  store_be16(&entry.message[10], 0);                       // ARCOUNT
  entry.message[2] &= 0xfb;                                // AA: we are not the authority.

  const std::string key = key_of(*question, response);
  erase(key);
  if (entries_.size() == kMaxEntries) erase(std::string(deadlines_.begin()->key));
  deadlines_.insert({entry.expires_at, key});
  entries_.emplace(key, std::move(entry));
}

std::optional<std::span<uint8_t>> Cache::find(Timestamp now, const Message& query,
                                              std::span<uint8_t> out) {
  const auto question = query.question();
  if (!question || entries_.empty()) return std::nullopt;
  const std::string key = key_of(*question, query);
  const auto it = entries_.find(key);
  if (it == entries_.end()) return std::nullopt;
  const Entry& entry = it->second;
  if (entry.expires_at <= now) {
    erase(key);
    return std::nullopt;
  }
  const size_t size = entry.message.size();
  const size_t opt_bytes = query.edns() ? kOptBytes : 0;
  if (out.size() < size + opt_bytes) return std::nullopt;
  std::copy(entry.message.begin(), entry.message.end(), out.begin());
  const auto answer = out.first(size);
  const auto passed = std::chrono::floor<std::chrono::seconds>(now - entry.stored_at);
  age(answer, static_cast<uint32_t>(passed.count()));
  if (!Message::parse(answer)) {  // A name of it pointed into a TTL: somebody plays with us.
    erase(key);
    return std::nullopt;
  }
  set_id(answer, query.id());
  // The names are equal but for their case: the asker gets back what it wrote.
  const auto asked = question->name.wire();
  std::copy(asked.begin(), asked.end(), answer.begin() + kHeaderBytes);
  if (!query.edns()) return answer;
  const Edns edns{.udp_payload_bytes = kMaxUdpPayloadBytes, .dnssec_ok = query.edns()->dnssec_ok};
  ByteWriter opt(out.subspan(size, kOptBytes));
  opt.u8(0);  // The root.
  opt.be16(static_cast<uint16_t>(RecordType::kOpt));
  opt.be16(edns.udp_payload_bytes);
  opt.be32(edns.ttl());
  opt.be16(0);
  store_be16(&out[10], 1);  // ARCOUNT
  return out.first(size + kOptBytes);
}

void Cache::clear() {
  entries_.clear();
  deadlines_.clear();
}

void Cache::erase(const std::string& key) {
  const auto it = entries_.find(key);
  if (it == entries_.end()) return;
  deadlines_.erase({it->second.expires_at, key});
  entries_.erase(it);
}

}  // namespace connlib::dns
