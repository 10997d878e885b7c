// connlib-relay: a STUN and TURN server.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "shells/common/event_loop.h"
#include "shells/common/log.h"
#include "shells/relay/arguments.h"
#include "shells/relay/exit_code.h"
#include "shells/relay/metrics.h"
#include "shells/relay/monitor.h"
#include "shells/relay/process.h"
#include "shells/relay/system.h"

namespace connlib::relay {
namespace {

constexpr uint64_t kOtherFiles = 128;  // Loop, log, listening sockets, health checks.

ExitCode fail(const absl::Status& status) {
  fmt::print(stderr, "connlib-relay: {}\n", std::string(status.message()));
  if (absl::IsUnimplemented(status)) return ExitCode::kUnimplemented;
  if (absl::IsFailedPrecondition(status)) return ExitCode::kNoPublicAddress;
  if (absl::IsInvalidArgument(status)) return ExitCode::kUsage;
  if (absl::IsResourceExhausted(status)) return ExitCode::kFileLimit;
  if (absl::IsAlreadyExists(status)) return ExitCode::kPortTaken;
  return ExitCode::kInternal;
}

uint64_t files_needed(const snownet::relay::ServerOptions& server) {
  const uint64_t ports = uint64_t{server.highest_port} - server.lowest_port + 1;
  const uint64_t families = (server.public_v4 ? 1U : 0U) + (server.public_v6 ? 1U : 0U);
  return std::min<uint64_t>(ports, server.limits.allocations) * families + kOtherFiles;
}

Monitor::Page page(const Process& process, std::string_view path) {
  const std::string version = "connlib-relay " CONNLIB_VERSION "\n";
  if (path == "/healthz") return {200, "text/plain", version};
  if (path == "/readyz") return {process.is_ready() ? 200U : 503U, "text/plain", version};
  if (path == "/metrics") return {200, "text/plain; version=0.0.4", metrics_text(process)};
  return {404, "text/plain", "not here\n"};
}

ExitCode run(const Arguments& arguments) {
  auto filter = shells::LogFilter::parse(arguments.log);
  if (!filter.ok()) return fail(filter.status());
  if (const auto status = check_combination(arguments); !status.ok()) return fail(status);
  auto known = credentials(arguments);
  if (!known.ok()) return fail(known.status());
  auto options = process_options(arguments);
  if (!options.ok()) return fail(options.status());
  options->server.peers.own_addresses = interface_addresses();
  if (const auto status = raise_file_limit(files_needed(options->server)); !status.ok()) {
    return fail(status);
  }
  shells::LogTracer tracer(*std::move(filter), arguments.log_format == "json"
                                                   ? shells::LogFormat::kJson
                                                   : shells::LogFormat::kHuman);
  shells::EventLoop loop;
  auto process = Process::open(*std::move(options), *std::move(known), loop, tracer);
  if (!process.ok()) return fail(process.status());
  for (const int signal : {SIGTERM, SIGINT}) {
    loop.on_signal(signal, [&] { (*process)->handle_stop_signal(); });
  }
  std::unique_ptr<Monitor> monitor;
  if (arguments.health_check != "off") {
    const auto address = SocketAddress::parse(arguments.health_check);
    if (!address) {
      return fail(absl::InvalidArgumentError(
          fmt::format("--health-check-addr {}: not IP:PORT, nor off", arguments.health_check)));
    }
    auto opened =
        Monitor::open(*address, loop, [&](std::string_view path) { return page(**process, path); });
    if (!opened.ok()) return fail(opened.status());
    monitor = *std::move(opened);
  }
  loop.on_timer([] {});  // before_wait() does what is due.
  loop.before_wait([&] { (*process)->pump(); });
  tracer.trace(TraceLevel::kInfo, "relay", "relay serves",
               {{"port", uint32_t{arguments.listen_port}},
                {"v4", arguments.public_ip4},
                {"v6", arguments.public_ip6},
                {"health", arguments.health_check}});
  loop.run();
  const auto& counters = (*process)->counters();
  tracer.trace(TraceLevel::kInfo, "relay", "relay stops",
               {{"packets_to_peers", counters.to_peers.packets},
                {"packets_to_clients", counters.to_clients.packets}});
  return ExitCode::kStopped;
}

}  // namespace
}  // namespace connlib::relay

// Nothing of ours throws, but the standard library and the command line parser may.
int main(int argc, char** argv) {
  try {
    int exit_code = 0;
    const auto arguments = connlib::relay::parse_arguments(argc, argv, exit_code);
    return arguments ? static_cast<int>(connlib::relay::run(*arguments)) : exit_code;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "connlib-relay: %s\n", error.what());
    return static_cast<int>(connlib::relay::ExitCode::kInternal);
  }
}
