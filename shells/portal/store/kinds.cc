#include "shells/portal/store/kinds.h"

#include <algorithm>
#include <array>

#include "shells/portal/store/problem.h"

namespace connlib::portald {
namespace {

using Type = Field::Type;

Field name_field() {
  return {.name = "name",
          .type = Type::kText,
          .help = "What people call it",
          .is_required = true,
          .is_name = true};
}
Field text(const char* name, const char* help) {
  return {
      .name = name, .type = Type::kText, .help = help, .is_nullable = true, .otherwise = nullptr};
}
Field flag(const char* name, const char* help) {
  return {.name = name, .type = Type::kFlag, .help = help, .otherwise = false};
}
Field texts(const char* name, const char* help) {
  return {.name = name, .type = Type::kTexts, .help = help, .otherwise = Json::array()};
}
Field reference(const char* name, const char* to, const char* help) {
  return {
      .name = name, .type = Type::kReference, .help = help, .is_required = true, .refers_to = to};
}

Kind make_account() {
  return {.name = "account",
          .plural = "accounts",
          .help = "What all objects belong to",
          .limit = 1,
          .fields = {{.name = "name", .type = Type::kText, .help = "Its name", .is_required = true},
                     {.name = "slug",
                      .type = Type::kText,
                      .help = "Its name in links: a-z, 0-9 and _",
                      .is_required = true},
                     {.name = "url",
                      .type = Type::kText,
                      .help = "Where clients, gateways and relays reach the portal",
                      .is_required = true},
                     text("search_domain", "Appended to short names by clients"),
                     texts("upstream_do53", "IP addresses of resolvers, up to 8"),
                     texts("upstream_doh",
                           "URLs of DNS-over-HTTPS servers, up to 8; "
                           "not together with upstream_do53")}};
}

Kind make_site() {
  return {.name = "site",
          .plural = "sites",
          .help = "Where gateways stand",
          .limit = 1000,
          .fields = {name_field(),
                     {.name = "health_threshold",
                      .type = Type::kInteger,
                      .help = "With fewer gateways online it is unhealthy",
                      .otherwise = 1}}};
}

Kind make_actor() {
  return {.name = "actor",
          .plural = "actors",
          .help = "Who signs in, or a program that does",
          .limit = 10000,
          .fields = {
              name_field(),
              text("email", "Address for people"),
              {.name = "type",
               .type = Type::kChoice,
               .help = "What it may do",
               .choices = {"account_user", "account_admin_user", "service_account", "api_client"},
               .otherwise = "account_user"},
              flag("disabled", "May do nothing")}};
}

Kind make_group() {
  return {.name = "group",
          .plural = "groups",
          .help = "A set of actors",
          .limit = 1000,
          .fields = {name_field(),
                     {.name = "type",
                      .type = Type::kChoice,
                      .help = "everyone is built in and has all actors as members",
                      .is_constant = true,
                      .choices = {"static", "everyone"},
                      .otherwise = "static"},
                     {.name = "members",
                      .type = Type::kReferences,
                      .help = "The actors that belong to it",
                      .refers_to = "actor",
                      .otherwise = Json::array()}}};
}

Kind make_resource() {
  return {
      .name = "resource",
      .plural = "resources",
      .help = "What may be reached through a site",
      .limit = 10000,
      .fields = {name_field(),
                 reference("site_id", "site", "Whose gateways lead there"),
                 {.name = "type",
                  .type = Type::kChoice,
                  .help = "What its address is",
                  .is_required = true,
                  .choices = {"dns", "cidr", "ip", "internet"}},
                 text("address", "Such as *.example.com, 10.0.0.0/8, 10.0.0.1; none for internet"),
                 text("address_description", "A hint or link for people"),
                 {.name = "ip_stack",
                  .type = Type::kChoice,
                  .help = "Which families a dns resource answers with",
                  .choices = {"dual", "ipv4_only", "ipv6_only"},
                  .otherwise = "dual"},
                 texts("filters",
                       "What passes: icmp, tcp, udp, tcp/443, udp/5000-5010; "
                       "none: everything")}};
}

Kind make_policy() {
  return {.name = "policy",
          .plural = "policies",
          .help = "Grants a resource to a group, under conditions",
          .limit = 10000,
          .fields = {reference("group_id", "group", "Whom it grants something"),
                     reference("resource_id", "resource", "What it grants"),
                     text("description", "Why there is one"),
                     {.name = "conditions",
                      .type = Type::kConditions,
                      .help = "All of which must hold",
                      .otherwise = Json::object()},
                     flag("disabled", "Grants nothing"),
                     flag("log_flows", "Connections are recorded")}};
}

const std::array<Kind, 5>& table() {
  static const std::array<Kind, 5> all_kinds{make_site(), make_actor(), make_group(),
                                             make_resource(), make_policy()};
  return all_kinds;
}

}  // namespace

const char* code_name(Problem::Code code) {
  switch (code) {
    case Problem::Code::kInvalid:
      return "invalid_value";
    case Problem::Code::kUnknownMember:
      return "unknown_member";
    case Problem::Code::kMissing:
      return "missing_member";
    case Problem::Code::kNotFound:
      return "not_found";
    case Problem::Code::kConflict:
      return "conflict";
    case Problem::Code::kProtected:
      return "protected";
    case Problem::Code::kLimit:
      return "limit_reached";
    case Problem::Code::kStore:
      return "store_failed";
  }
  return "unknown";
}

const Field* Kind::find(std::string_view field) const {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [field](const Field& each) { return each.name == field; });
  return found == fields.end() ? nullptr : &*found;
}

std::span<const Kind> kinds() { return table(); }

const Kind& account_kind() {
  static const Kind account = make_account();
  return account;
}

const Kind* find_kind(std::string_view name) {
  for (const Kind& kind : kinds()) {
    if (kind.name == name || kind.plural == name) return &kind;
  }
  return nullptr;
}

}  // namespace connlib::portald
