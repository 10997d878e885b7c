#include <fmt/format.h>

#include "shells/portal/api/api.h"
#include "shells/portal/api/routes.h"

namespace connlib::portald {
namespace {

Json reference(const std::string& schema) { return {{"$ref", "#/components/schemas/" + schema}}; }
Json text(const char* help) { return {{"type", "string"}, {"description", help}}; }
Json text_or_null() { return {{"type", {"string", "null"}}}; }
Json object(Json properties, Json required) {
  return {{"type", "object"},
          {"properties", std::move(properties)},
          {"required", std::move(required)},
          {"additionalProperties", false}};
}
Json list_of(Json items) {
  return object({{"items", {{"type", "array"}, {"items", std::move(items)}}}},
                Json::array({"items"}));
}

Json schema_of(const Field& field) {
  Json out{{"type", "string"}};
  switch (field.type) {
    case Field::Type::kText:
    case Field::Type::kReference:
      out["maxLength"] = kMaxText;
      break;
    case Field::Type::kChoice:
      out["enum"] = field.choices;
      break;
    case Field::Type::kFlag:
      out["type"] = "boolean";
      break;
    case Field::Type::kInteger:
      out = {{"type", "integer"}, {"minimum", 0}, {"maximum", 1000}};
      break;
    case Field::Type::kTexts:
    case Field::Type::kReferences:
      out = {{"type", "array"}, {"items", {{"type", "string"}, {"maxLength", kMaxText}}}};
      break;
    case Field::Type::kConditions:
      out = {{"type", "object"}};
      break;
  }
  if (field.is_nullable) out["type"] = {out.at("type"), "null"};
  out["description"] = field.help;
  return out;
}

enum class Form : uint8_t { kWhole, kNew, kChange };

Json schema_of(const Kind& kind, Form form) {
  Json properties = Json::object();
  Json required = Json::array();
  if (form == Form::kWhole) {
    properties["id"] = text("A UUID");
    required.push_back("id");
  }
  for (const Field& field : kind.fields) {
    properties[field.name] = schema_of(field);
    if (form == Form::kWhole || (form == Form::kNew && field.is_required)) {
      required.push_back(field.name);
    }
  }
  Json out = object(std::move(properties), std::move(required));
  out["description"] = kind.help;
  return out;
}

Json token_properties() {
  return {{"id", text("A UUID")},
          {"type", {{"enum", {"client", "service-account", "gateway", "relay", "api"}}}},
          {"name", text("To know it again")},
          {"actor_id", text_or_null()},
          {"site_id", text_or_null()},
          {"gateway_id", text_or_null()},
          {"created_at", text("RFC 3339, UTC")},
          {"expires_at", text_or_null()},
          {"last_used_at", text_or_null()},
          {"last_used_by", text_or_null()}};
}
Json names_of(const Json& properties) {
  Json out = Json::array();
  for (const auto& [name, value] : properties.items()) out.push_back(name);
  return out;
}

void add_fixed_schemas(Json& out) {
  Json token = token_properties();
  out["Tokens"] = list_of(object(token, names_of(token)));
  token["token"] = text("The secret, shown this once");
  out["NewToken"] = object(token, names_of(token));
  out["TokenRequest"] = object({{"type", token.at("type")},
                                {"name", text("To know it again")},
                                {"actor_id", text_or_null()},
                                {"site_id", text_or_null()},
                                {"expires_at", text_or_null()}},
                               Json::array({"type"}));
  out["SignIn"] = object({{"actor", text("Name or id")},
                          {"password", text("Its password")},
                          {"new_password", text("Replaces it, 12 to 255 bytes")}},
                         Json::array({"actor", "password"}));
  Json change{{"number", {{"type", "integer"}}},
              {"at", text("RFC 3339, UTC")},
              {"by", text("Who wrote")},
              {"action", {{"enum", {"created", "updated", "deleted"}}}},
              {"kind", text("Of the object")},
              {"object_id", text("A UUID")},
              {"name", text("What people call it")},
              {"before", {{"type", {"object", "null"}}}},
              {"after", {{"type", {"object", "null"}}}}};
  out["Changes"] = list_of(object(change, names_of(change)));
  out["OpenApi"] = {{"type", "object"}};
  out["Problem"] = object({{"type", text("about:blank")},
                           {"title", text("Of the status")},
                           {"status", {{"type", "integer"}}},
                           {"detail", text("For people")},
                           {"code", text("Stable, for programs")},
                           {"pointer", text("RFC 6901: the member that is to blame")}},
                          Json::array({"type", "title", "status", "detail", "code"}));
}

Json schemas() {
  Json out = Json::object();
  out["account"] = schema_of(account_kind(), Form::kWhole);
  out["account_change"] = schema_of(account_kind(), Form::kChange);
  for (const Kind& kind : kinds()) {
    out[kind.name] = schema_of(kind, Form::kWhole);
    out[fmt::format("new_{}", kind.name)] = schema_of(kind, Form::kNew);
    out[fmt::format("{}_change", kind.name)] = schema_of(kind, Form::kChange);
    out[kind.plural] = list_of(reference(kind.name));
  }
  add_fixed_schemas(out);
  return out;
}

Json content(const char* type, const std::string& schema) {
  return {{type, {{"schema", reference(schema)}}}};
}

Json parameter(const char* name, const char* in, bool is_required, const char* type) {
  return {{"name", name}, {"in", in}, {"required", is_required}, {"schema", {{"type", type}}}};
}

Json operation(const Route& route) {
  Json out{{"summary", route.summary}};
  Json parameters = Json::array();
  if (route.path.find("{id}") != std::string::npos) {
    parameters.push_back(parameter("id", "path", true, "string"));
  }
  if (route.path == "/changes") {
    parameters.push_back(parameter("after", "query", false, "integer"));
    parameters.push_back(parameter("limit", "query", false, "integer"));
  }
  if (!parameters.empty()) out["parameters"] = std::move(parameters);
  if (!route.request.empty()) {
    out["requestBody"] = {{"required", true},
                          {"content", content("application/json", route.request)}};
  }
  Json success{{"description", "Done"}};
  if (!route.response.empty()) success["content"] = content("application/json", route.response);
  out["responses"] = {{std::to_string(route.status), std::move(success)},
                      {"default",
                       {{"description", "An RFC 9457 problem"},
                        {"content", content("application/problem+json", "Problem")}}}};
  out["security"] = Json::array();
  if (!route.is_public) out["security"].push_back({{"bearer", Json::array()}});
  return out;
}

std::string lower(std::string_view method) {
  std::string out(method);
  for (char& c : out) c = static_cast<char>(c - 'A' + 'a');
  return out;
}

Json make() {
  Json paths = Json::object();
  for (const Route& route : routes()) {
    paths[fmt::format("{}{}", kApiPrefix, route.path)][lower(route.method)] = operation(route);
  }
  return {{"openapi", "3.1.0"},
          {"info", {{"title", "connlib-portal"}, {"version", "1"}}},
          {"paths", std::move(paths)},
          {"components",
           {{"schemas", schemas()},
            {"securitySchemes", {{"bearer", {{"type", "http"}, {"scheme", "bearer"}}}}}}}};
}

}  // namespace

const Json& openapi() {
  static const Json document = make();
  return document;
}

}  // namespace connlib::portald
