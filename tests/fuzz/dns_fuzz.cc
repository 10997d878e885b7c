// Any bytes as a DNS message: what the codec says about them must hang together, and neither the
// cache nor the resolver may trip over them. And any text as a pattern.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "connlib/base/check.h"
#include "connlib/dns/answer.h"
#include "connlib/dns/cache.h"
#include "connlib/dns/message.h"
#include "connlib/dns/message_builder.h"
#include "connlib/dns/message_edit.h"
#include "connlib/dns/pattern.h"
#include "connlib/dns/resolver.h"
#include "connlib/model/addressing.h"

namespace connlib::dns {
namespace {

using Bytes = std::vector<uint8_t>;
constexpr auto kSections = {Section::kAnswer, Section::kAuthority, Section::kAdditional};
constexpr Timestamp kNow = Timestamp::from_nanoseconds(7'777'777'777'777);

// Everything that a record can be asked.
void check_record(const Record& record) {
  const Name owner = record.owner();
  CONNLIB_CHECK(owner.size() >= 1 && owner.size() <= Name::kMaxBytes);
  CONNLIB_CHECK(owner == owner.lowered());
  const auto address = record.address();
  CONNLIB_CHECK(!address || address->bytes().size() == record.rdata().size());
  if (const auto target = record.target()) CONNLIB_CHECK(target->size() >= 1);
  static_cast<void>(record.soa_minimum_seconds());
}

// Names in text form must come back, but for those that text cannot tell apart from none.
void check_name(const Name& name) {
  const auto again = Name::parse(to_text(name));
  CONNLIB_CHECK(again.has_value() && again->wire_text() == name.wire_text());
  if (const auto address = name.reverse_address()) {
    CONNLIB_CHECK(Name::reverse_of(*address) == name);
  }
}

// The same message in our own writing parses to the same.
void check_round_trip(const Message& message) {
  Bytes buffer(UINT16_MAX);
  MessageBuilder builder(buffer, message.header());
  const auto question = message.question();
  if (question) builder.add_question(*question);
  for (const auto section : kSections) {
    for (const Record record : message.records(section)) {
      builder.add(section, record.owner(), {record.type(), record.ttl_seconds(), record.cls()},
                  record.rdata());
    }
  }
  const auto written = builder.finish();
  if (!written) return;  // Without compression of theirs it may not fit.
  const auto again = Message::parse(*written);
  CONNLIB_CHECK(again.has_value() && again->header() == message.header());
  CONNLIB_CHECK(again->question() == question && again->edns() == message.edns());
  for (const auto section : kSections) {
    auto theirs = message.records(section).begin();
    CONNLIB_CHECK(again->records(section).size() == message.records(section).size());
    for (const Record ours : again->records(section)) {
      const Record other = *theirs;
      CONNLIB_CHECK(ours.owner().wire_text() == other.owner().wire_text());
      CONNLIB_CHECK(ours.type() == other.type() && ours.ttl_seconds() == other.ttl_seconds());
      CONNLIB_CHECK(std::ranges::equal(ours.rdata(), other.rdata()));
      ++theirs;
    }
  }
}

void check_edits(const Message& message) {
  Bytes bytes(message.bytes().begin(), message.bytes().end());
  age(bytes, 1000);
  set_id(bytes, 0x5555);
  const auto aged = Message::parse(bytes);
  if (!aged) return;  // A name pointed into a TTL.
  CONNLIB_CHECK(aged->id() == 0x5555 && aged->edns() == message.edns());
  const auto cut = truncate(bytes);
  const auto parsed = Message::parse(cut);
  CONNLIB_CHECK(parsed.has_value() && parsed->header().is_truncated);
  CONNLIB_CHECK(parsed->bytes().size() == cut.size());
}

void check_message(std::span<const uint8_t> data) {
  const auto message = Message::parse(data);
  if (!message) return;
  CONNLIB_CHECK(message->bytes().size() <= data.size());
  for (const auto section : kSections) {
    for (const Record record : message->records(section)) check_record(record);
  }
  if (const auto question = message->question()) check_name(question->name);
  check_round_trip(*message);
  check_edits(*message);
  Cache cache;
  cache.insert(kNow, *message);
  CONNLIB_CHECK(cache.size() <= 1);
  std::array<uint8_t, 8192> out{};
  if (const auto found = cache.find(kNow + 3s, *message, out)) {
    CONNLIB_CHECK(Message::parse(*found)->bytes().size() == found->size());
    CONNLIB_CHECK(Message::parse(*found)->question() == message->question());
  }
}

// As a query to the resolver, and as an answer to whatever that passes on.
void check_resolver(std::span<const uint8_t> data) {
  SeededRandom random(1);
  Resolver resolver(random);
  resolver.set_system_servers(std::array{IpAddress(Ipv4Address{{192, 0, 2, 1}})});
  resolver.add_resource(ResourceId("r"), "**.a", IpStack::kDual);
  resolver.add_device_pool(ResourceId("p"), "*.b");
  const IpAddress sentinel = resolver.sentinels().mappings().front().sentinel;
  std::array<uint8_t, IpPacket::kMaxBytes> in{};
  std::array<uint8_t, IpPacket::kMaxBytes> out{};
  const auto packet =
      write_udp({{Ipv4Address{{100, 64, 0, 1}}, 4000}, {sentinel, kDnsPort}}, data, in);
  if (packet.empty()) return;
  auto parsed = IpPacket::parse(packet);
  const auto outcome = resolver.handle_tun_packet(kNow, std::get<IpPacket>(parsed), out);
  if (const auto* reply = std::get_if<Resolver::Reply>(&outcome)) {
    CONNLIB_CHECK(!reply->packet.empty());
  }
  while (const auto outside = resolver.poll_outside_query()) {
    resolver.handle_result(kNow, {outside->id, Bytes(data.begin(), data.end())});
    CONNLIB_CHECK(!resolver.poll_packet(kNow, out).empty());
  }
}

void check_pattern(std::span<const uint8_t> data) {
  const std::string text(data.begin(), data.end());
  const auto pattern = Pattern::parse(text.substr(0, text.find('\n')));
  if (!pattern) return;
  CONNLIB_CHECK(*pattern == *Pattern::parse(pattern->text()));
  CONNLIB_CHECK((*pattern <=> *pattern) == 0);
  const size_t line = text.find('\n');
  const auto name = Name::parse(line == std::string::npos ? text : text.substr(line + 1));
  if (!name || !pattern->matches(*name)) return;
  const auto suffix = pattern->fixed_suffix();
  const Name lowered = name->lowered();
  const auto wire = lowered.wire_text();
  CONNLIB_CHECK(wire.size() >= suffix.size() && wire.substr(wire.size() - suffix.size()) == suffix);
}

}  // namespace
}  // namespace connlib::dns

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  connlib::dns::check_message({data, size});
  connlib::dns::check_resolver({data, size});
  connlib::dns::check_pattern({data, size});
  return 0;
}
