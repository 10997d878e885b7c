#include "shells/recording/text.h"

#include <optional>
#include <variant>

#include <fmt/format.h>

#include "snownet/stun/channel_data.h"
#include "snownet/stun/message.h"
#include "wireguard/noise/messages.h"

namespace connlib::recording {

namespace node = snownet::node;
namespace stun = snownet::stun;

namespace {

std::string_view method_name(stun::Method method) {
  switch (method) {
    case stun::Method::kBinding:
      return "Binding";
    case stun::Method::kAllocate:
      return "Allocate";
    case stun::Method::kRefresh:
      return "Refresh";
    case stun::Method::kSend:
      return "Send";
    case stun::Method::kData:
      return "Data";
    case stun::Method::kCreatePermission:
      return "CreatePermission";
    case stun::Method::kChannelBind:
      return "ChannelBind";
  }
  return "STUN";
}

std::string_view class_name(stun::MessageClass cls) {
  switch (cls) {
    case stun::MessageClass::kRequest:
      return "request";
    case stun::MessageClass::kIndication:
      return "indication";
    case stun::MessageClass::kSuccess:
      return "success";
    case stun::MessageClass::kError:
      return "error";
  }
  return "?";
}

std::optional<std::string_view> wireguard_kind(std::span<const uint8_t> datagram) {
  const auto type = wireguard::classify(datagram);
  if (!type) return std::nullopt;
  switch (*type) {
    case wireguard::MessageType::kInitiation:
      return "handshake initiation";
    case wireguard::MessageType::kResponse:
      return "handshake response";
    case wireguard::MessageType::kCookieReply:
      return "cookie reply";
    case wireguard::MessageType::kData:
      return "data";
  }
  return std::nullopt;
}

std::string plain_kind(std::span<const uint8_t> datagram) {
  if (const auto kind = wireguard_kind(datagram)) return std::string(*kind);
  if (const auto header = stun::parse_header(datagram)) {
    return fmt::format("{} {}", method_name(header->type.method), class_name(header->type.cls));
  }
  return "unknown";
}

// One visitor for all that is asked of an event.
struct Described {
  std::string_view name;
  uint64_t peer = 0;
  std::string detail;
};

struct Describe {
  Described operator()(const node::CandidateAdded& e) const {
    return {"candidate added", e.peer.value(), e.line};
  }
  Described operator()(const node::CandidateRemoved& e) const {
    return {"candidate removed", e.peer.value(), e.line};
  }
  Described operator()(const node::Established& e) const {
    return {"established", e.peer.value(), {}};
  }
  Described operator()(const node::Failed& e) const {
    return {"failed", e.peer.value(), std::string(node::name(e.why))};
  }
  Described operator()(const node::Closed& e) const { return {"closed", e.peer.value(), {}}; }
  Described operator()(const node::NoRelays& /*e*/) const { return {"no relays", 0, {}}; }
  Described operator()(const node::KeyChanged& e) const {
    return {"key changed", 0, to_text(e.key)};
  }
};

}  // namespace

std::string kind_of(std::span<const uint8_t> datagram) {
  const auto channel = stun::parse_channel_data(datagram);
  if (!channel) return plain_kind(datagram);
  return fmt::format("channel {:#06x}: {}", channel->channel.value(), plain_kind(channel->payload));
}

std::string_view name_of(const node::NodeEvent& event) {
  return std::visit(Describe(), event).name;
}

uint64_t peer_of(const node::NodeEvent& event) { return std::visit(Describe(), event).peer; }

std::string to_text(const node::NodeEvent& event) {
  const Described described = std::visit(Describe(), event);
  std::string text(described.name);
  if (described.peer != 0) text += fmt::format(" peer {}", described.peer);
  if (!described.detail.empty()) text += ": " + described.detail;
  return text;
}

}  // namespace connlib::recording
