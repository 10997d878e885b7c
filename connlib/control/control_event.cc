#include "connlib/control/control_event.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "connlib/control/control_packet.h"
#include "connlib/model/addressing.h"

namespace connlib::control {
namespace {

using Json = nlohmann::ordered_json;  // Writes keys in the order in which we name them.

const std::string* find_text(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() ? nullptr : found->get_ptr<const std::string*>();
}

std::optional<ResourceId> read_resource(const Json& object) {
  const std::string* text = find_text(object, "resource");
  if (text == nullptr || text->empty() || text->size() > kMaxResourceIdBytes) return std::nullopt;
  return ResourceId(*text);
}

std::optional<std::string> read_domain(const Json& object) {
  const std::string* text = find_text(object, "domain");
  if (text == nullptr) return std::nullopt;
  std::string_view domain = *text;
  if (domain.ends_with('.')) domain.remove_suffix(1);
  const auto is_printable = [](char c) { return c > ' ' && c < '\x7f'; };
  if (domain.empty() || domain.ends_with('.') || domain.size() > kMaxDomainBytes ||
      !std::all_of(domain.begin(), domain.end(), is_printable)) {
    return std::nullopt;
  }
  return std::string(domain);
}

std::optional<std::vector<IpAddress>> read_proxy_ips(const Json& object) {
  const auto found = object.find("proxy_ips");
  if (found == object.end() || !found->is_array()) return std::nullopt;
  if (found->empty() || found->size() > kMaxProxyIps) return std::nullopt;
  std::vector<IpAddress> out;
  for (const Json& entry : *found) {
    const auto* text = entry.get_ptr<const std::string*>();
    const auto address = text == nullptr ? std::nullopt : IpAddress::parse(*text);
    if (!address || !kProxyRange.contains(*address) || kSentinelRange.contains(*address)) {
      return std::nullopt;
    }
    out.push_back(*address);
  }
  return out;
}

std::optional<ControlEvent> read_assigned_ips(const Json& object) {
  auto resource = read_resource(object);
  auto domain = read_domain(object);
  auto proxy_ips = read_proxy_ips(object);
  if (!resource || !domain || !proxy_ips) return std::nullopt;
  return AssignedIps{*std::move(resource), *std::move(domain), *std::move(proxy_ips)};
}

std::optional<ControlEvent> read_domain_status(const Json& object) {
  auto resource = read_resource(object);
  auto domain = read_domain(object);
  const std::string* status = find_text(object, "status");
  if (!resource || !domain || status == nullptr) return std::nullopt;
  return DomainStatus{
      *std::move(resource), *std::move(domain),
      *status == "Active" ? DomainStatus::Status::kActive : DomainStatus::Status::kInactive};
}

struct Encoded {
  uint8_t type = kGoodbyeType;
  std::string payload{};
};

std::string to_payload(const Json& object) {
  // A domain that is not UTF-8 cannot be what the other side knows; it must not throw either.
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

struct Encoder {
  Encoded operator()(const AssignedIps& event) const {
    Json ips = Json::array();
    for (const IpAddress& ip : event.proxy_ips) ips.push_back(to_text(ip));
    return {kAssignedIpsType, to_payload({{"resource", event.resource.value()},
                                          {"domain", event.domain},
                                          {"proxy_ips", std::move(ips)}})};
  }
  Encoded operator()(const DomainStatus& event) const {
    const bool is_active = event.status == DomainStatus::Status::kActive;
    return {kDomainStatusType, to_payload({{"resource", event.resource.value()},
                                           {"domain", event.domain},
                                           {"status", is_active ? "Active" : "Inactive"}})};
  }
  Encoded operator()(const Goodbye&) const { return {}; }
};

}  // namespace

std::variant<ControlEvent, ControlDrop> decode_control_event(std::span<const uint8_t> packet) {
  const auto control = parse_control_packet(packet);
  if (!control) return ControlDrop::kNotControl;
  // spec tunnel 4.2: a goodbye has no payload; what a later version adds to it changes nothing.
  if (control->type == kGoodbyeType) return ControlEvent(Goodbye());
  if (control->type > kGoodbyeType) return ControlDrop::kUnknownType;
  const Json object = Json::parse(control->payload.begin(), control->payload.end(), nullptr, false);
  if (!object.is_object()) return ControlDrop::kMalformed;
  auto event =
      control->type == kAssignedIpsType ? read_assigned_ips(object) : read_domain_status(object);
  if (!event) return ControlDrop::kMalformed;
  return *std::move(event);
}

std::optional<std::vector<uint8_t>> encode_control_event(const ControlEvent& event) {
  const Encoded encoded = std::visit(Encoder(), event);
  std::vector<uint8_t> out(kControlOverheadBytes + encoded.payload.size());
  const std::vector<uint8_t> payload(encoded.payload.begin(), encoded.payload.end());
  if (write_control_packet(encoded.type, payload, out).empty()) return std::nullopt;
  return out;
}

}  // namespace connlib::control
