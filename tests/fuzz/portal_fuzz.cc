// Any text as a frame of the portal's channels, in either direction; what is understood must be
// written such that it is understood the same.
#include <string_view>

#include "connlib/base/check.h"
#include "connlib/portal/from_client.h"
#include "connlib/portal/from_gateway.h"
#include "connlib/portal/relay_messages.h"
#include "connlib/portal/to_client.h"
#include "connlib/portal/to_gateway.h"

namespace connlib::portal {
namespace {

template <typename Message>
void check_round_trip(Decoded<Message> (*decode)(std::string_view, JsonValue),
                      std::string_view event, JsonValue payload) {
  auto first = decode(event, payload);
  if (first.message() == nullptr) return;
  const Encoded encoded = encode(*first.message());
  // Escapes may make a text longer than it was, by six at most.
  const auto document = JsonDocument::parse(encoded.payload, 64 * kMaxPortalFrameBytes);
  CONNLIB_CHECK(document.has_value());
  auto second = decode(encoded.event, document->root());
  CONNLIB_CHECK(second.message() != nullptr);
  CONNLIB_CHECK(second.skipped == 0);
  CONNLIB_CHECK(*second.message() == *first.message());
}

void from_portal(std::string_view text) {
  const PortalFrame frame = parse_portal_frame(text);
  if (const auto* push = std::get_if<Push>(&frame)) {
    check_round_trip(decode_to_client, push->event, push->payload());
    check_round_trip(decode_to_gateway, push->event, push->payload());
    check_round_trip(decode_to_relay, push->event, push->payload());
  }
  const auto* reply = std::get_if<Reply>(&frame);
  if (reply == nullptr) return;
  const PortalFrame again =
      parse_portal_frame(reply->is_ok ? write_ok_reply(reply->topic, reply->ref)
                                      : write_error_reply(reply->topic, reply->ref, reply->reason));
  CONNLIB_CHECK(std::holds_alternative<Reply>(again));
  CONNLIB_CHECK(std::get<Reply>(again).ref == reply->ref);
  CONNLIB_CHECK(std::get<Reply>(again).reason == reply->reason);
}

void from_peer(std::string_view text) {
  const auto parsed = parse_peer_frame(text);
  const auto* frame = std::get_if<PeerFrame>(&parsed);
  if (frame == nullptr) return;
  check_round_trip(decode_from_client, frame->event, frame->payload());
  check_round_trip(decode_from_gateway, frame->event, frame->payload());
  if (const auto join = decode_relay_join(frame->payload())) {
    const auto document = JsonDocument::parse(encode_relay_join(*join), kMaxPortalFrameBytes);
    CONNLIB_CHECK(document.has_value() && decode_relay_join(document->root()) == join);
  }
}

}  // namespace
}  // namespace connlib::portal

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace connlib::portal;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  from_portal(text);
  from_peer(text);
  return 0;
}
