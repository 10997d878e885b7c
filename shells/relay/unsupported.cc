#include "shells/relay/unsupported.h"

#include <array>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace connlib::relay {
namespace {

constexpr const char* kGroup = "Not in this version (exit status 6)";

struct Option {
  const char* flag;
  const char* help;
  const char* why;
};

constexpr const char* kNoKernelPath = "there is no path in the kernel; all packets pass through it";

constexpr std::array kOptions = {
    Option{"--otlp-grpc-endpoint", "HOST:PORT of a collector of traces and metrics",
           "nothing is exported; metrics are read at /metrics of --health-check-addr"},
    Option{"--ebpf-offloading", "Interface of a relay path in the kernel", kNoKernelPath},
    Option{"--ebpf-attach-mode", "driver or generic", kNoKernelPath},
    Option{"--ebpf-int4-addr", "IPv4 address of that path between families", kNoKernelPath},
    Option{"--ebpf-int6-addr", "IPv6 address of that path between families", kNoKernelPath},
    Option{"--tls-listen", "ADDRESS:PORT for clients over TLS", "clients speak UDP only"},
    Option{"--rng-seed", "Randomness that repeats",
           "nonces that can be foreseen are no nonces. To know the passwords beforehand, give "
           "--stamp-secret"},
};

absl::Status refusal(const char* flag, const std::string& value, const char* why) {
  return absl::UnimplementedError(
      fmt::format("{} {} is not supported in this version: {}", flag, value, why));
}

}  // namespace

void UnsupportedOptions::add_to(CLI::App& app) {
  values_.resize(kOptions.size());
  for (size_t i = 0; i < kOptions.size(); ++i) {
    app.add_option(kOptions[i].flag, values_[i], kOptions[i].help)->group(kGroup);
  }
  app.add_flag("--telemetry", telemetry_, "Crash reports to a vendor; false is accepted")
      ->group(kGroup);
  app.add_option("--num-worker-threads", worker_threads_,
                 "Threads that relay; 1 is accepted, and what there is")
      ->check(CLI::Range(1, 1024))
      ->group(kGroup);
}

absl::Status UnsupportedOptions::check() const {
  for (size_t i = 0; i < kOptions.size(); ++i) {
    if (!values_[i].empty()) return refusal(kOptions[i].flag, values_[i], kOptions[i].why);
  }
  if (telemetry_) return refusal("--telemetry", "true", "there are no crash reports to send");
  if (worker_threads_ != 1) {
    return refusal("--num-worker-threads", std::to_string(worker_threads_),
                   "one thread serves all, because a client's packets, its peers' and the quotas "
                   "of its address and name are one state. Give 1; to use more cores, run more "
                   "relays on other ports or addresses");
  }
  return absl::OkStatus();
}

}  // namespace connlib::relay
