#include "connlib/dns/answer.h"

#include <algorithm>
#include <array>

#include "connlib/dns/message_builder.h"

namespace connlib::dns {
namespace {

constexpr uint8_t kEdnsVersion = 0;
constexpr uint8_t kBadVersion = 1;  // BADVERS is 16: RFC 6891 §9.

template <typename AddRecords>
std::optional<std::span<uint8_t>> write(const Message& query, ResponseCode code,
                                        std::span<uint8_t> out, AddRecords add_records) {
  const auto question = query.question().value_or(Question{});
  const auto& edns = query.edns();
  const bool is_known_version = !edns || edns->version == kEdnsVersion;
  MessageBuilder builder(
      out, Header::answer_to(query.header(), is_known_version ? code : ResponseCode::kNoError));
  builder.add_question(question);
  if (is_known_version) add_records(builder, question.name);
  if (edns) {
    builder.add_edns({.udp_payload_bytes = kMaxUdpPayloadBytes,
                      .extended_code = is_known_version ? uint8_t{0} : kBadVersion,
                      .version = kEdnsVersion,
                      .dnssec_ok = edns->dnssec_ok});
  }
  return builder.finish();
}

}  // namespace

std::optional<std::span<uint8_t>> write_code(const Message& query, ResponseCode code,
                                             std::span<uint8_t> out) {
  return write(query, code, out, [](MessageBuilder&, const Name&) {});
}

std::optional<std::span<uint8_t>> write_addresses(const Message& query,
                                                  std::span<const IpAddress> addresses,
                                                  std::span<uint8_t> out) {
  return write(query, ResponseCode::kNoError, out, [&](MessageBuilder& builder, const Name& name) {
    for (const IpAddress& address : addresses) {
      builder.add_address(name, address, ResourceStub::kTtlSeconds);
    }
  });
}

std::optional<std::span<uint8_t>> write_pointer(const Message& query, const Name& target,
                                                std::span<uint8_t> out) {
  return write(query, ResponseCode::kNoError, out, [&](MessageBuilder& builder, const Name& name) {
    builder.add_target(Section::kAnswer, name, {RecordType::kPtr, ResourceStub::kTtlSeconds},
                       target);
  });
}

std::optional<std::span<uint8_t>> write_decision(const Message& query, const StubDecision& decision,
                                                 std::span<uint8_t> out) {
  if (const auto* code = std::get_if<AnswerCode>(&decision)) {
    return write_code(query, code->code, out);
  }
  if (const auto* pointer = std::get_if<AnswerPointer>(&decision)) {
    return write_pointer(query, pointer->target, out);
  }
  const auto* answer = std::get_if<AnswerAddresses>(&decision);
  if (answer == nullptr) return std::nullopt;
  std::array<IpAddress, kProxiesPerFamily> addresses;
  for (uint32_t i = 0; i < kProxiesPerFamily; ++i) {
    addresses[i] = answer->assignment->proxy(answer->family, i);
  }
  return write_addresses(
      query, std::span(addresses).first(answer->is_supported ? addresses.size() : 0), out);
}

size_t udp_limit(const Message& query) {
  if (!query.edns()) return kMinUdpPayloadBytes;
  return std::clamp<size_t>(query.edns()->udp_payload_bytes, kMinUdpPayloadBytes,
                            kMaxUdpPayloadBytes);
}

}  // namespace connlib::dns
