#include "connlib/portal/relay_messages.h"

#include "connlib/portal/fields.h"
#include "connlib/portal/json_writer.h"

namespace connlib::portal {

Decoded<ToRelay> decode_to_relay(std::string_view event, JsonValue payload) {
  if (event != "init") return {FrameDrop::kUnknownEvent, 0};
  if (!payload.is_object()) return {FrameDrop::kBadPayload, 0};
  return {ToRelay(RelayInit()), 0};
}

Decoded<FromRelay> decode_from_relay(std::string_view, JsonValue) {
  return {FrameDrop::kUnknownEvent, 0};
}

Encoded encode(const ToRelay&) { return {"init", "{}"}; }

std::optional<RelayJoin> decode_relay_join(JsonValue payload) {
  uint32_t skipped = 0;
  Fields in(payload, skipped);
  RelayJoin join{in.secret_text("stamp_secret")};
  if (!in.ok() || join.stamp_secret.empty()) return std::nullopt;
  return join;
}

std::string encode_relay_join(const RelayJoin& join) {
  JsonWriter out;
  out.begin_object().key("stamp_secret").text(join.stamp_secret.reveal());
  return out.end_object().take();
}

}  // namespace connlib::portal
