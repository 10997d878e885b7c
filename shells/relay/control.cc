#include "shells/relay/control.h"

#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "shells/common/os_clock.h"

namespace connlib::relay {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kSchema = 1;
constexpr uint32_t kMaxDrainSeconds = 86400;

HttpPage page(unsigned status, const Json& json) {
  // What a client sent may be in the text of an error, and need not be UTF-8.
  return {status, "application/json",
          json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"};
}

HttpPage refusal(unsigned status, const std::string& why) {
  return page(status, {{"schema", kSchema}, {"error", why}});
}

int64_t seconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

Json traffic(const snownet::relay::Traffic& traffic) {
  return {{"packets", traffic.packets}, {"bytes", traffic.bytes}};
}

template <typename Address>
Json address_or_null(const std::optional<Address>& address) {
  return address ? Json(to_text(IpAddress(*address))) : Json(nullptr);
}

std::optional<uint32_t> parse_seconds(const std::string& text) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (value > kMaxDrainSeconds) return std::nullopt;
  return value;
}

HttpPage drain(Process& process, const HttpRequest& request) {
  const std::string text = request.argument("seconds");
  std::optional<Duration> at_most;
  if (!text.empty()) {
    const auto value = parse_seconds(text);
    if (!value) {
      return refusal(400, fmt::format("seconds={}: not a number up to {}", text, kMaxDrainSeconds));
    }
    at_most = std::chrono::seconds(*value);
  }
  const Timestamp now = shells::OsClock::now();
  process.drain(now, at_most);
  return {200, "application/json", status_json(process, now)};
}

HttpPage set_log_filter(shells::LogTracer& tracer, const HttpRequest& request) {
  const std::string directives = request.argument("directives");
  if (directives.empty()) return refusal(400, "directives is missing");
  auto filter = shells::LogFilter::parse(directives);
  if (!filter.ok()) return refusal(400, std::string(filter.status().message()));
  tracer.set_filter(*std::move(filter));
  return page(200, {{"schema", kSchema}, {"log", directives}});
}

}  // namespace

std::string status_json(const Process& process, Timestamp now) {
  const auto& options = process.options().server;
  const auto& counters = process.counters();
  const Gauges gauges = process.gauges();
  const auto drain_left = process.drain_left(now);
  Json drops = Json::object();
  for (size_t i = 0; i < counters.drops.size(); ++i) {
    drops[name(static_cast<snownet::relay::Drop>(i))] = counters.drops[i];
  }
  const Json json = {
      {"schema", kSchema},
      {"version", CONNLIB_VERSION},
      {"state", process.is_ready() ? "serving" : "draining"},
      {"drain_seconds_left", drain_left ? Json(seconds(*drain_left)) : Json(nullptr)},
      {"uptime_seconds", seconds(process.uptime(now))},
      {"public_ip4_addr", address_or_null(options.public_v4)},
      {"public_ip6_addr", address_or_null(options.public_v6)},
      {"listen_port", options.listen_port},
      {"allocations", gauges.allocations},
      {"max_allocations", options.limits.allocations},
      {"channels", gauges.channels},
      {"free_ports", gauges.free_ports},
      {"queued_datagrams", gauges.queued_datagrams},
      {"to_peers", traffic(counters.to_peers)},
      {"to_clients", traffic(counters.to_clients)},
      {"dropped_datagrams", std::move(drops)},
  };
  return json.dump(2) + "\n";
}

HttpPage control_page(Process& process, shells::LogTracer& tracer, const HttpRequest& request) {
  const bool is_get = request.method == "GET";
  const bool is_post = request.method == "POST";
  if (request.path == "/status") {
    if (!is_get) return refusal(405, "/status: only GET");
    return {200, "application/json", status_json(process, shells::OsClock::now())};
  }
  if (request.path == "/drain") {
    return is_post ? drain(process, request) : refusal(405, "/drain: only POST");
  }
  if (request.path == "/log_filter") {
    return is_post ? set_log_filter(tracer, request) : refusal(405, "/log_filter: only POST");
  }
  return refusal(404, "no such page: /status, /drain, /log_filter");
}

}  // namespace connlib::relay
