#include "shells/relay/metrics.h"

#include <limits>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace connlib::relay {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using snownet::stun::Method;

const char* method_name(Method method) {
  switch (method) {
    case Method::kBinding:
      return "binding";
    case Method::kAllocate:
      return "allocate";
    case Method::kRefresh:
      return "refresh";
    case Method::kCreatePermission:
      return "createpermission";
    case Method::kChannelBind:
      return "channelbind";
    case Method::kSend:
    case Method::kData:
      break;
  }
  return "unknown";
}

class Families {
 public:
  void counter(const char* name, const char* help, double value) {
    family(name, help, MetricType::Counter).metric.push_back(counted(value, {}));
  }
  void gauge(const char* name, const char* help, size_t value) {
    ClientMetric metric;
    metric.gauge.value = static_cast<double>(value);
    family(name, help, MetricType::Gauge).metric.push_back(std::move(metric));
  }
  MetricFamily& family(const char* name, const char* help, MetricType type) {
    MetricFamily& out = families_.emplace_back();
    out.name = std::string("connlib_relay_") + name;
    out.help = help;
    out.type = type;
    return out;
  }
  static ClientMetric counted(double value, std::vector<ClientMetric::Label> labels) {
    ClientMetric metric;
    metric.counter.value = value;
    metric.label = std::move(labels);
    return metric;
  }
  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  std::vector<MetricFamily> families_;
};

double number(uint64_t value) { return static_cast<double>(value); }

void add_responses(const snownet::relay::Counters& counters, Families& out) {
  MetricFamily& family = out.family("responses_total", "STUN responses", MetricType::Counter);
  for (const auto& [kind, count] : counters.responses) {
    const auto& [method, code] = kind;
    std::vector<ClientMetric::Label> labels{{"message_type", method_name(method)},
                                            {"response_class", code == 0 ? "success" : "error"}};
    if (code != 0) labels.push_back({"error_code", std::to_string(code)});
    family.metric.push_back(Families::counted(number(count), std::move(labels)));
  }
}

void add_traffic(const snownet::relay::Counters& counters, Families& out) {
  using snownet::relay::Traffic;
  const std::pair<const char*, const Traffic*> directions[] = {{"to_peer", &counters.to_peers},
                                                               {"to_client", &counters.to_clients}};
  MetricFamily& packets =
      out.family("relayed_packets_total", "Payloads relayed", MetricType::Counter);
  for (const auto& [name, traffic] : directions) {
    packets.metric.push_back(Families::counted(number(traffic->packets), {{"direction", name}}));
  }
  MetricFamily& bytes =
      out.family("relayed_bytes_total", "Payload bytes relayed", MetricType::Counter);
  for (const auto& [name, traffic] : directions) {
    bytes.metric.push_back(Families::counted(number(traffic->bytes), {{"direction", name}}));
  }
}

void add_sizes(const snownet::relay::Counters& counters, Families& out) {
  ClientMetric metric;
  metric.label = {{"datapath", "userspace"}};
  uint64_t below = 0;
  for (size_t i = 0; i < counters.payload_sizes.size(); ++i) {
    below += counters.payload_sizes[i];
    const bool is_last = i + 1 == counters.payload_sizes.size();
    metric.histogram.bucket.push_back({below, is_last ? std::numeric_limits<double>::infinity()
                                                      : static_cast<double>(i + 1) * 100});
  }
  metric.histogram.sample_count = below;
  metric.histogram.sample_sum = number(counters.to_peers.bytes + counters.to_clients.bytes);
  out.family("packet_size_bytes", "Payload sizes", MetricType::Histogram)
      .metric.push_back(std::move(metric));
}

void add_drops(const snownet::relay::Counters& counters, Families& out) {
  using snownet::relay::Drop;
  MetricFamily& family =
      out.family("dropped_datagrams_total", "Datagrams that came to nothing", MetricType::Counter);
  for (size_t i = 0; i < counters.drops.size(); ++i) {
    family.metric.push_back(
        Families::counted(number(counters.drops[i]), {{"reason", name(static_cast<Drop>(i))}}));
  }
}

}  // namespace

std::string metrics_text(const Process& process) {
  Families out;
  const Gauges gauges = process.gauges();
  out.gauge("active_allocations", "Allocations that exist", gauges.allocations);
  out.gauge("active_channels", "Channels that are bound", gauges.channels);
  out.gauge("free_ports", "Relayed ports not in use", gauges.free_ports);
  out.gauge("queued_datagrams", "Datagrams that wait for a full socket", gauges.queued_datagrams);
  add_responses(process.counters(), out);
  add_traffic(process.counters(), out);
  add_sizes(process.counters(), out);
  add_drops(process.counters(), out);
  const shells::GatherStats& sent = process.sent();
  out.counter("sent_datagrams_total", "Datagrams given to the kernel", number(sent.datagrams));
  out.counter("sent_messages_total", "Runs of datagrams given to the kernel",
              number(sent.messages));
  out.counter("unreachable_datagrams_total", "Datagrams the kernel refused",
              number(sent.unreachable));
  out.counter("overflowed_datagrams_total", "Datagrams pushed out while a socket was full",
              number(sent.overflowed));
  out.counter("truncated_datagrams_total", "Received datagrams that were too long",
              number(process.truncated()));
  return out.text();
}

}  // namespace connlib::relay
