#include "tests/tunnel/system/questions.h"

#include "connlib/dns/message_builder.h"

namespace connlib::tunnel {
namespace {

constexpr uint32_t kTtlSeconds = 60;
constexpr size_t kMaxMessage = 1024;

}  // namespace

Bytes make_query(const std::string& name, dns::RecordType type, uint16_t id) {
  Bytes out(kMaxMessage);
  dns::MessageBuilder builder(out, {.id = id, .recursion_desired = true});
  builder.add_question({dns::Name::parse(name).value(), type});
  out.resize(builder.finish().value().size());
  return out;
}

std::optional<Bytes> make_answer(std::span<const uint8_t> query,
                                 std::span<const IpAddress> addresses) {
  const auto message = dns::Message::parse(query);
  if (!message || !message->question()) return std::nullopt;
  const auto code = addresses.empty() ? dns::ResponseCode::kNameError : dns::ResponseCode::kNoError;
  Bytes out(kMaxMessage);
  dns::MessageBuilder builder(out, dns::Header::answer_to(message->header(), code));
  builder.add_question(*message->question());
  for (const IpAddress& address : addresses) {
    const auto wanted = address.is_v4() ? dns::RecordType::kA : dns::RecordType::kAaaa;
    if (message->question()->type == wanted) {
      builder.add_address(message->question()->name, address, kTtlSeconds);
    }
  }
  const auto finished = builder.finish();
  if (!finished) return std::nullopt;
  out.resize(finished->size());
  return out;
}

std::optional<Answer> read_answer(std::span<const uint8_t> bytes) {
  const auto message = dns::Message::parse(bytes);
  if (!message || !message->header().is_response) return std::nullopt;
  Answer out{message->header().id, message->header().code, {}};
  for (const auto record : message->records(dns::Section::kAnswer)) {
    if (const auto address = record.address()) out.addresses.push_back(*address);
  }
  return out;
}

std::optional<std::string> name_of(std::span<const uint8_t> query) {
  const auto message = dns::Message::parse(query);
  if (!message || !message->question()) return std::nullopt;
  return to_text(message->question()->name);
}

}  // namespace connlib::tunnel
