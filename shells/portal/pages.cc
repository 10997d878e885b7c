#include "shells/portal/pages.h"

#include <string>
#include <utility>
#include <vector>

#include <absl/strings/match.h>
#include <fmt/format.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "shells/portal/api/responses.h"

namespace connlib::portald {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

HttpResponse text(unsigned status, std::string body) {
  return {.status = status, .content_type = "text/plain", .body = std::move(body)};
}

void add(std::vector<MetricFamily>& families, const char* name, const char* help, MetricType type,
         double value) {
  MetricFamily& family = families.emplace_back();
  family.name = fmt::format("connlib_portal_{}", name);
  family.help = help;
  family.type = type;
  auto& metric = family.metric.emplace_back();
  (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
}

HttpResponse metrics(Api& api) {
  std::vector<MetricFamily> families;
  add(families, "api_requests_total", "Requests to the API", MetricType::Counter,
      static_cast<double>(api.requests()));
  add(families, "api_refused_total", "Those without a valid token or password", MetricType::Counter,
      static_cast<double>(api.refused()));
  Database& database = api.store().database();
  for (const Kind& kind : kinds()) {
    const auto count = database.number(fmt::format("SELECT count(*) FROM {}", kind.plural));
    add(families, kind.plural, kind.help, MetricType::Gauge, static_cast<double>(count));
  }
  add(families, "tokens", "Tokens that were not revoked", MetricType::Gauge,
      static_cast<double>(database.number("SELECT count(*) FROM tokens")));
  if (!database.take_status().ok()) return text(503, "database_unavailable\n");
  return {.content_type = "text/plain; version=0.0.4",
          .body = prometheus::TextSerializer().Serialize(families)};
}

HttpResponse readiness(Api& api) {
  const bool has_account = !api.store().account().is_null();
  const bool is_ready = api.store().database().take_status().ok() && has_account;
  return is_ready ? text(200, "ready\n") : text(503, "database_unavailable\n");
}

}  // namespace

HttpResponse page(Api& api, const Moment& at, const HttpRequest& request) {
  if (absl::StartsWith(request.path, "/api/v1/")) return api.handle(at, request);
  const bool is_watched =
      request.path == "/healthz" || request.path == "/readyz" || request.path == "/metrics";
  if (!is_watched) return problem_response(404, "no_such_path", "there is nothing here");
  if (request.method != "GET") return problem_response(405, "method_not_allowed", "only GET");
  if (request.path == "/readyz") return readiness(api);
  if (request.path == "/metrics") return metrics(api);
  return text(200, "connlib-portal " CONNLIB_VERSION "\n");
}

}  // namespace connlib::portald
