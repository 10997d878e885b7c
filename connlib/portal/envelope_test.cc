#include "connlib/portal/envelope.h"

#include <catch2/catch.hpp>

#include "connlib/portal/json_writer.h"

namespace connlib::portal {
namespace {

TEST_CASE("frames are written byte for byte as the reference programs write them") {
  CHECK(write_peer_frame("client", kJoinEvent, "null", 0) ==
        R"({"topic":"client","event":"phx_join","payload":null,"ref":0})");
  CHECK(write_peer_frame(kHeartbeatTopic, kHeartbeatEvent, "{}", 3) ==
        R"({"topic":"phoenix","event":"heartbeat","payload":{},"ref":3})");
  CHECK(write_push("client", "init", "{}") ==
        R"({"topic":"client","event":"init","payload":{},"ref":null})");
  CHECK(write_ok_reply("client", 0) == R"({"topic":"client","event":"phx_reply",)"
                                       R"("payload":{"status":"ok","response":{}},"ref":0})");
  CHECK(write_error_reply("client", 7, "unmatched topic") ==
        R"({"topic":"client","event":"phx_reply",)"
        R"("payload":{"status":"error","response":{"reason":"unmatched topic"}},"ref":7})");
}

TEST_CASE("what one side writes the other reads") {
  const auto up = parse_peer_frame(write_peer_frame("gateway", "no_relays", "{}", 41));
  const auto* frame = std::get_if<PeerFrame>(&up);
  REQUIRE(frame != nullptr);
  CHECK(frame->topic == "gateway");
  CHECK(frame->event == "no_relays");
  CHECK(frame->ref == 41);
  CHECK(frame->payload().is_object());

  const auto error = parse_portal_frame(write_error_reply("gateway", 5, "invalid_ref"));
  REQUIRE(std::holds_alternative<Reply>(error));
  CHECK(std::get<Reply>(error).ref == 5);
  CHECK_FALSE(std::get<Reply>(error).is_ok);
  CHECK(std::get<Reply>(error).reason == "invalid_ref");
  CHECK(std::get<Reply>(parse_portal_frame(write_ok_reply("gateway", 5))).is_ok);
}

TEST_CASE("key order, keys that nobody knows and a missing ref of a push do not matter") {
  const auto frame = parse_portal_frame(
      R"( {"join_ref":"1","payload":{"a":"b"},"event":"init","topic":"client","vsn":[2]} )");
  REQUIRE(std::holds_alternative<Push>(frame));
  CHECK(std::get<Push>(frame).payload()["a"].text() == "b");
  const auto reply = parse_portal_frame(
      R"({"payload":{"response":{"version":1},"status":"ok"},"event":"phx_reply","topic":"t","ref":2})");
  CHECK(std::get<Reply>(reply).is_ok);
}

TEST_CASE("text that is no frame is dropped, and the reason counted") {
  const auto [what, text, drop] = GENERATE(table<const char*, std::string, FrameDrop>({
      {"nothing", "", FrameDrop::kNotJson},
      {"a truncated frame", R"({"topic":"client","event":)", FrameDrop::kNotJson},
      {"two frames", R"({"topic":"a","event":"b"}{})", FrameDrop::kNotJson},
      {"bytes that are no UTF-8", "{\"topic\":\"\xff\",\"event\":\"b\"}", FrameDrop::kNotJson},
      {"too deep", std::string(100'000, '['), FrameDrop::kNotJson},
      {"too long", "\"" + std::string(kMaxPortalFrameBytes, 'a') + "\"", FrameDrop::kNotJson},
      {"an array, as of the other version of the framing", R"(["1","1","client","init",{}])",
       FrameDrop::kNoEnvelope},
      {"no topic", R"({"event":"init","payload":{}})", FrameDrop::kNoEnvelope},
      {"an event that is a number", R"({"topic":"client","event":1})", FrameDrop::kNoEnvelope},
      {"a reply to nothing", R"({"topic":"c","event":"phx_reply","payload":{"status":"ok"}})",
       FrameDrop::kUnknownReply},
      {"a reply whose ref became text",
       R"({"topic":"c","event":"phx_reply","payload":{"status":"ok","response":{}},"ref":"0"})",
       FrameDrop::kUnknownReply},
  }));
  INFO(what);
  const auto frame = parse_portal_frame(text);
  REQUIRE(std::holds_alternative<FrameDrop>(frame));
  CHECK(std::get<FrameDrop>(frame) == drop);
}

TEST_CASE("a peer's frame needs a ref that is a number") {
  const std::string text = GENERATE(R"({"topic":"client","event":"phx_join","payload":null})",
                                    R"({"topic":"client","event":"e","payload":null,"ref":"1"})",
                                    R"({"topic":"client","event":"e","payload":null,"ref":-1})",
                                    R"({"topic":"client","event":"e","payload":null,"ref":1.5})");
  CHECK(std::get<FrameDrop>(parse_peer_frame(text)) == FrameDrop::kNoEnvelope);
}

TEST_CASE("brackets within texts do not count as depth") {
  const std::string text =
      "{\"a\":\"" + std::string(50, '[') + "\\\"" + std::string(50, '{') + "\"}";
  const auto document = JsonDocument::parse(text, 1000);
  REQUIRE(document.has_value());
  CHECK(document->root()["a"].text()->size() == 101);
}

TEST_CASE("a writer escapes what must be and repairs what is no UTF-8") {
  JsonWriter out;
  out.begin_object().key("a").text("\"\\\n\x01").key("b").begin_array();
  out.integer(18446744073709551615U).boolean(true).null().text("\xff").end_array().end_object();
  CHECK(out.written() ==
        "{\"a\":\"\\\"\\\\\\n\\u0001\",\"b\":[18446744073709551615,true,null,\"\xEF\xBF\xBD\"]}");
}

}  // namespace
}  // namespace connlib::portal
