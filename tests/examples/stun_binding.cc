// One end asks which address it is seen by, the other answers, and both prove that they know the
// password: a connectivity check without the rest of ICE.
#include <array>
#include <cstdio>
#include <string>

#include "connlib/base/random_source.h"
#include "snownet/stun/message.h"
#include "snownet/stun/message_builder.h"

namespace {

using namespace connlib;                 // NOLINT(google-build-using-namespace): an example.
using namespace connlib::snownet::stun;  // NOLINT(google-build-using-namespace): an example.

using Buffer = std::array<uint8_t, 512>;
using Bytes = std::optional<std::span<const uint8_t>>;

Bytes ask(Buffer& buffer, const TransactionId& id, IntegrityKey& key) {
  // [snippet: build]
  MessageBuilder builder(buffer, {Method::kBinding, MessageClass::kRequest}, id);
  builder.add_username("Zy9+:aB3d").add_priority(2'130'706'431);
  return builder.add_integrity(key).add_fingerprint().finish();  // nullopt: it did not fit.
  // [/snippet]
}

Bytes answer(Buffer& buffer, std::span<const uint8_t> datagram, const SocketAddress& source,
             IntegrityKey& key) {
  // [snippet: answer]
  const auto parsed = parse_message(datagram);
  const auto* request = std::get_if<Message>(&parsed);
  if (request == nullptr || request->method() != Method::kBinding) return std::nullopt;
  if (!request->verify_integrity(key)) return std::nullopt;  // Noise, or somebody else's.
  MessageBuilder builder(buffer, {Method::kBinding, MessageClass::kSuccess},
                         request->transaction_id());
  builder.add_xor_mapped_address(source);
  return builder.add_integrity(key).add_fingerprint().finish();
  // [/snippet]
}

std::optional<SocketAddress> mapped_address(std::span<const uint8_t> datagram,
                                            const TransactionId& id, IntegrityKey& key) {
  // [snippet: read]
  const auto parsed = parse_message(datagram);
  const auto* response = std::get_if<Message>(&parsed);
  if (response == nullptr || response->transaction_id() != id) return std::nullopt;
  if (!response->verify_integrity(key)) return std::nullopt;
  return response->xor_mapped_address();  // nullopt: there is none.
  // [/snippet]
}

}  // namespace

int main() {
  SeededRandom random(1);
  IntegrityKey key = IntegrityKey::short_term("the password of both");
  const SocketAddress source{Ipv4Address{{203, 0, 113, 21}}, 40001};
  const auto id = TransactionId::random(random);
  Buffer ours{};
  Buffer theirs{};
  const Bytes request = ask(ours, id, key);
  const Bytes response = request ? answer(theirs, *request, source, key) : std::nullopt;
  const auto mapped = response ? mapped_address(*response, id, key) : std::nullopt;
  const std::string seen_as = mapped ? to_text(*mapped) : "nobody";
  std::printf("seen as %s\n", seen_as.c_str());
  if (seen_as != "203.0.113.21:40001") return 1;

  IntegrityKey stranger = IntegrityKey::short_term("another password");
  return answer(theirs, *request, source, stranger) || mapped_address(*response, id, stranger) ? 1
                                                                                               : 0;
}
