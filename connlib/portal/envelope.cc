#include "connlib/portal/envelope.h"

#include <utility>

#include "connlib/portal/json_writer.h"

namespace connlib::portal {
namespace {

std::string write_frame(std::string_view topic, std::string_view event, std::string_view payload,
                        std::optional<Ref> ref) {
  JsonWriter out;
  out.begin_object().key("topic").text(topic).key("event").text(event).key("payload").raw(payload);
  out.key("ref");
  ref.has_value() ? out.integer(*ref) : out.null();
  return out.end_object().take();
}

PortalFrame parse_reply(std::string_view topic, JsonValue frame) {
  const auto ref = frame["ref"].integer();
  const auto status = frame["payload"]["status"].text();
  if (!ref || (status != "ok" && status != "error")) return FrameDrop::kUnknownReply;
  Reply reply{.topic = std::string(topic), .ref = *ref, .is_ok = status == "ok", .reason = {}};
  if (!reply.is_ok) reply.reason = frame["payload"]["response"]["reason"].text().value_or("");
  return reply;
}

}  // namespace

std::string_view name(FrameDrop drop) {
  switch (drop) {
    case FrameDrop::kNotJson:
      return "not JSON";
    case FrameDrop::kNoEnvelope:
      return "no envelope";
    case FrameDrop::kForeignTopic:
      return "foreign topic";
    case FrameDrop::kUnknownEvent:
      return "unknown event";
    case FrameDrop::kBadPayload:
      return "bad payload";
    case FrameDrop::kUnknownReply:
      return "unknown reply";
  }
  return "?";
}

std::variant<PeerFrame, FrameDrop> parse_peer_frame(std::string_view text) {
  auto document = JsonDocument::parse(text, kMaxPeerFrameBytes);
  if (!document) return FrameDrop::kNotJson;
  const JsonValue root = document->root();
  const auto topic = root["topic"].text();
  const auto event = root["event"].text();
  const auto ref = root["ref"].integer();
  if (!topic || !event || !ref) return FrameDrop::kNoEnvelope;
  return PeerFrame{std::string(*topic), std::string(*event), *ref, *std::move(document)};
}

PortalFrame parse_portal_frame(std::string_view text) {
  auto document = JsonDocument::parse(text, kMaxPortalFrameBytes);
  if (!document) return FrameDrop::kNotJson;
  const JsonValue root = document->root();
  const auto topic = root["topic"].text();
  const auto event = root["event"].text();
  if (!topic || !event) return FrameDrop::kNoEnvelope;
  if (*event == kReplyEvent) return parse_reply(*topic, root);
  return Push{std::string(*topic), std::string(*event), *std::move(document)};
}

std::string write_peer_frame(std::string_view topic, std::string_view event,
                             std::string_view payload, Ref ref) {
  return write_frame(topic, event, payload, ref);
}

std::string write_push(std::string_view topic, std::string_view event, std::string_view payload) {
  return write_frame(topic, event, payload, std::nullopt);
}

std::string write_ok_reply(std::string_view topic, Ref ref) {
  return write_frame(topic, kReplyEvent, R"({"status":"ok","response":{}})", ref);
}

std::string write_error_reply(std::string_view topic, Ref ref, std::string_view reason) {
  JsonWriter out;
  out.begin_object().key("status").text("error").key("response");
  out.begin_object().key("reason").text(reason).end_object().end_object();
  return write_frame(topic, kReplyEvent, out.written(), ref);
}

}  // namespace connlib::portal
