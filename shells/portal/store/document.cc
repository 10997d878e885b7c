#include "shells/portal/store/document.h"

#include <algorithm>
#include <set>
#include <string_view>

#include <absl/strings/match.h>
#include <fmt/format.h>

#include "connlib/dns/name.h"
#include "connlib/dns/pattern.h"
#include "connlib/portal/portal_url.h"
#include "shells/portal/store/conditions.h"

namespace connlib::portald {
namespace {

using Code = Problem::Code;

constexpr size_t kMaxResolvers = 8;  // Spec portal-protocol 2.1.
constexpr int64_t kMaxInteger = 1000;

std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > 80) text = text.substr(0, 77) + "...";
  return text;
}

bool is_line(const Json& value) {
  if (!value.is_string()) return false;
  const auto& text = value.get_ref<const std::string&>();
  return text.size() <= kMaxText && std::none_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

std::string choices_text(const Field& field) {
  std::string out;
  for (const char* choice : field.choices) {
    out += out.empty() ? "" : ", ";
    out += choice;
  }
  return out;
}

// Why `value` cannot be one of a list at all; empty when it can.
std::string why_no_list(const Json& value, size_t limit) {
  if (!value.is_array()) return fmt::format("{}: not a list", shown(value));
  if (value.size() > limit) {
    return fmt::format("{} entries, and {} at most", value.size(), limit);
  }
  for (const Json& each : value) {
    if (!is_line(each)) {
      return fmt::format("{}: not a text of one line, up to {} bytes", shown(each), kMaxText);
    }
  }
  return "";
}

std::string why_not(const Field& field, const Json& value) {
  switch (field.type) {
    case Field::Type::kText:
    case Field::Type::kReference:
      if (!is_line(value)) {
        return fmt::format("{}: not a text of one line, up to {} bytes", shown(value), kMaxText);
      }
      return field.is_required && value == Json("") ? "must not be empty" : "";
    case Field::Type::kChoice: {
      const bool is_known = std::any_of(field.choices.begin(), field.choices.end(),
                                        [&value](const char* each) { return value == Json(each); });
      return is_known ? "" : fmt::format("{}: not one of {}", shown(value), choices_text(field));
    }
    case Field::Type::kFlag:
      return value.is_boolean() ? "" : fmt::format("{}: neither true nor false", shown(value));
    case Field::Type::kInteger:
      return value.is_number_integer() && value >= Json(0) && value <= Json(kMaxInteger)
                 ? ""
                 : fmt::format("{}: not a whole number from 0 to {}", shown(value), kMaxInteger);
    case Field::Type::kTexts:
      return why_no_list(value, kMaxTexts);
    case Field::Type::kReferences:
      return why_no_list(value, kMaxReferences);
    case Field::Type::kConditions:
      return value.is_object() ? "" : fmt::format("{}: not an object", shown(value));
  }
  return "";
}

Problem invalid(const char* member, std::string message) {
  return {Code::kInvalid, member, std::move(message)};
}

Refusal check_filters(const Json& resource) {
  size_t at = 0;
  for (const Json& each : resource.at("filters")) {
    const auto filter = parse_filter(each.get<std::string>());
    if (!filter.ok()) {
      return Problem{Code::kInvalid, fmt::format("/filters/{}", at),
                     std::string(filter.status().message())};
    }
    ++at;
  }
  return std::nullopt;
}

Refusal check_resource(const Json& resource) {
  const auto address = resource_address(resource);
  if (!address.ok()) return invalid("/address", std::string(address.status().message()));
  if (resource.at("type") != "dns" && resource.at("ip_stack") != "dual") {
    return invalid("/ip_stack", fmt::format("{}: only a dns resource has one other than \"dual\"",
                                            resource.at("ip_stack").dump()));
  }
  return check_filters(resource);
}

Refusal check_policy(const Json& policy) {
  auto conditions = parse_conditions(policy.at("conditions"));
  if (!conditions.refusal) return std::nullopt;
  conditions.refusal->pointer = "/conditions" + conditions.refusal->pointer;
  return conditions.refusal;
}

Refusal check_resolvers(const Json& account) {
  const Json& do53 = account.at("upstream_do53");
  const Json& doh = account.at("upstream_doh");
  if (!do53.empty() && !doh.empty()) {
    return invalid("/upstream_doh", "not together with upstream_do53");
  }
  if (do53.size() > kMaxResolvers || doh.size() > kMaxResolvers) {
    return Problem{Code::kLimit, do53.empty() ? "/upstream_doh" : "/upstream_do53",
                   fmt::format("{} resolvers at most", kMaxResolvers)};
  }
  for (const Json& each : do53) {
    if (!IpAddress::parse(each.get<std::string>())) {
      return invalid("/upstream_do53", fmt::format("{}: not an IP address", each.dump()));
    }
  }
  for (const Json& each : doh) {
    const auto url = each.get<std::string>();
    if (!check_url(url).ok() || !absl::StartsWith(url, "https://") ||
        url.find('?') != std::string::npos) {
      return invalid("/upstream_doh", fmt::format("{}: not https://HOST/PATH", each.dump()));
    }
  }
  return std::nullopt;
}

Refusal check_account(const Json& account) {
  const auto slug = account.at("slug").get<std::string>();
  if (!std::all_of(slug.begin(), slug.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
      })) {
    return invalid("/slug", fmt::format("\"{}\": only a-z, 0-9 and _", slug));
  }
  if (absl::Status status = check_url(account.at("url").get<std::string>()); !status.ok()) {
    return invalid("/url", std::string(status.message()));
  }
  const Json& search = account.at("search_domain");
  if (!search.is_null() && !dns::Name::parse(search.get<std::string>())) {
    return invalid("/search_domain", fmt::format("{}: not a domain name", search.dump()));
  }
  return check_resolvers(account);
}

Refusal check_group(const Json& group) {
  if (group.at("type") == "everyone" && !group.at("members").empty()) {
    return invalid("/members", "all actors are members of this group already");
  }
  return std::nullopt;
}

}  // namespace

Refusal check_members(const Kind& kind, const Json& document, bool is_whole) {
  if (!document.is_object()) return invalid("", fmt::format("{}: not an object", shown(document)));
  for (const auto& [name, value] : document.items()) {
    const Field* field = kind.find(name);
    if (field == nullptr) {
      std::string known;
      for (const Field& each : kind.fields) known += fmt::format(" {}", each.name);
      return Problem{Code::kUnknownMember, "/" + name,
                     fmt::format("a {} has no \"{}\", only:{}", kind.name, name, known)};
    }
    if (value.is_null() && field->is_nullable) continue;
    const std::string why = why_not(*field, value);
    if (!why.empty()) return Problem{Code::kInvalid, "/" + name, why};
  }
  for (const Field& field : kind.fields) {
    if (is_whole && field.is_required && !document.contains(field.name)) {
      return Problem{Code::kMissing, "", fmt::format("\"{}\" is missing", field.name)};
    }
  }
  return std::nullopt;
}

Refusal check_meaning(const Kind& kind, const Json& document) {
  const std::string_view name = kind.name;
  if (name == "resource") return check_resource(document);
  if (name == "policy") return check_policy(document);
  if (name == "account") return check_account(document);
  if (name == "group") return check_group(document);
  return std::nullopt;
}

Json complete(const Kind& kind, const Json& document) {
  Json out = Json::object();
  for (const Field& field : kind.fields) {
    const auto found = document.find(field.name);
    out[field.name] = found == document.end() ? field.otherwise : *found;
    // A set: the order in which it is written means nothing.
    if (field.type == Field::Type::kReferences) {
      const auto ids = out[field.name].get<std::set<std::string>>();
      out[field.name] = ids;
    }
  }
  return out;
}

absl::StatusOr<ResourceAddress> resource_address(const Json& resource) {
  const auto type = resource.at("type").get<std::string>();
  const Json& given = resource.at("address");
  if (type == "internet") {
    if (given.is_null()) return InternetAddress();
    return absl::InvalidArgumentError(fmt::format("{}: the internet has no address", shown(given)));
  }
  if (given.is_null()) {
    return absl::InvalidArgumentError(fmt::format("a {} resource needs an address", type));
  }
  const auto text = given.get<std::string>();
  if (type == "dns") {
    if (!dns::Pattern::parse(text)) {
      return absl::InvalidArgumentError(
          fmt::format("\"{}\": not a domain name, nor a pattern such as *.example.com", text));
    }
    DnsAddress out{.pattern = text};
    if (resource.at("ip_stack") == "ipv4_only") out.ip_stack = IpStack::kIpv4Only;
    if (resource.at("ip_stack") == "ipv6_only") out.ip_stack = IpStack::kIpv6Only;
    return out;
  }
  const auto network = IpPrefix::parse(text);
  const auto address = IpAddress::parse(text);
  const bool is_address = type == "ip";
  if (!network || (is_address && !address) || (!is_address && to_text(*network) != text)) {
    return absl::InvalidArgumentError(fmt::format(
        "\"{}\": not {}", text,
        is_address ? "an IP address" : "a network such as 10.0.0.0/8, with no bits of hosts"));
  }
  // Spec portal-protocol 2.1: what the tunnel itself uses is not to be had.
  for (const char* reserved : {"100.64.0.0/10", "fd00:2021:1111::/48"}) {
    const auto range = IpPrefix::parse(reserved);
    if (range->contains(network->address()) || network->contains(range->address())) {
      return absl::InvalidArgumentError(
          fmt::format("\"{}\" overlaps {}, which tunnels use themselves", text, reserved));
    }
  }
  return CidrAddress{*network};
}

absl::Status check_url(const std::string& url) {
  const auto parsed = portal::PortalUrl::parse(url);
  if (!parsed.ok()) {
    return absl::InvalidArgumentError(
        fmt::format("\"{}\": {}", url, std::string(parsed.status().message())));
  }
  return absl::OkStatus();
}

}  // namespace connlib::portald
