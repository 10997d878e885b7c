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
#include "shells/linux/unix_listener.h"
#include "shells/relay/arguments.h"
#include "shells/relay/control.h"
#include "shells/relay/control_client.h"
#include "shells/relay/exit_code.h"
#include "shells/relay/http_server.h"
#include "shells/relay/metrics.h"
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

HttpPage health_page(const Process& process, const HttpRequest& request) {
  const std::string version = "connlib-relay " CONNLIB_VERSION "\n";
  const std::string& path = request.path;
  if (request.method != "GET") return {405, "text/plain", "only GET\n"};
  if (path == "/healthz") return {200, "text/plain", version};
  if (path == "/readyz") return {process.is_ready() ? 200U : 503U, "text/plain", version};
  if (path == "/metrics") return {200, "text/plain; version=0.0.4", metrics_text(process)};
  return {404, "text/plain", "not here\n"};
}

absl::StatusOr<std::unique_ptr<HttpServer>> open_health_checks(const Arguments& arguments,
                                                               const Process& process,
                                                               shells::EventLoop& loop) {
  if (arguments.health_check == "off") return nullptr;
  const auto address = SocketAddress::parse(arguments.health_check);
  if (!address) {
    return absl::InvalidArgumentError(
        fmt::format("--health-check-addr {}: not IP:PORT, nor off", arguments.health_check));
  }
  return HttpServer::open(*address, loop, [&process](const HttpRequest& request) {
    return health_page(process, request);
  });
}

// Fills in the public addresses that are `auto`.
absl::Status find_public_addresses(const Arguments& arguments, ProcessOptions& options,
                                   Tracer& tracer) {
  for (const IpFamily family : {IpFamily::kV4, IpFamily::kV6}) {
    const auto wanted = auto_options(arguments, family, options);
    if (!wanted) continue;
    const auto found = find_public_address(*wanted, tracer);
    const bool is_v4 = family == IpFamily::kV4;
    if (!found.ok()) {
      return absl::Status(found.status().code(),
                          fmt::format("--public-ip{}-addr auto: {}", is_v4 ? 4 : 6,
                                      std::string(found.status().message())));
    }
    if (is_v4) options.server.public_v4 = *found->v4();
    if (!is_v4) options.server.public_v6 = *found->v6();
  }
  return absl::OkStatus();
}

// ControlSocket is the server and the file that leads to it; both absent when there is none.
struct ControlSocket {
  static absl::StatusOr<ControlSocket> open(const Arguments& arguments, Process& process,
                                            shells::EventLoop& loop, shells::LogTracer& tracer);
  std::optional<shells::UnixListener> file;
  std::unique_ptr<HttpServer> server;
};

absl::StatusOr<ControlSocket> ControlSocket::open(const Arguments& arguments, Process& process,
                                                  shells::EventLoop& loop,
                                                  shells::LogTracer& tracer) {
  ControlSocket out;
  const std::string path = arguments.control_endpoint.value_or(kControlEndpoint);
  if (path == "off") return out;
  auto listener =
      shells::UnixListener::open({.path = path, .mode = kControlMode, .group = kControlGroup});
  if (!listener.ok()) {
    if (arguments.control_endpoint) {
      return absl::Status(
          listener.status().code(),
          fmt::format("--control-endpoint {}", std::string(listener.status().message())));
    }
    // Nobody asked for it, and a relay need not run as root, nor alone.
    tracer.trace(TraceLevel::kWarn, "relay", "no control socket",
                 {{"why", std::string(listener.status().message())}});
    return out;
  }
  out.file.emplace(*std::move(listener));
  auto server = HttpServer::serve(
      out.file->release_fd(), path, loop,
      [&process, &tracer](const HttpRequest& r) { return control_page(process, tracer, r); });
  if (!server.ok()) return server.status();
  out.server = *std::move(server);
  return out;
}

ExitCode run(const Arguments& arguments) {
  auto filter = shells::LogFilter::parse(arguments.log);
  if (!filter.ok()) return fail(filter.status());
  if (const auto status = check_combination(arguments); !status.ok()) return fail(status);
  auto known = credentials(arguments);
  if (!known.ok()) return fail(known.status());
  auto options = process_options(arguments);
  if (!options.ok()) return fail(options.status());
  shells::LogTracer tracer(*std::move(filter), arguments.log_format == "json"
                                                   ? shells::LogFormat::kJson
                                                   : shells::LogFormat::kHuman);
  if (const auto status = find_public_addresses(arguments, *options, tracer); !status.ok()) {
    return fail(status);
  }
  options->server.peers.own_addresses = interface_addresses();
  const auto& server = options->server;
  const std::string v4 = server.public_v4 ? to_text(IpAddress(*server.public_v4)) : "none";
  const std::string v6 = server.public_v6 ? to_text(IpAddress(*server.public_v6)) : "none";
  if (const auto status = raise_file_limit(files_needed(options->server)); !status.ok()) {
    return fail(status);
  }
  shells::EventLoop loop;
  auto process = Process::open(*std::move(options), *std::move(known), loop, tracer);
  if (!process.ok()) return fail(process.status());
  for (const int signal : {SIGTERM, SIGINT}) {
    loop.on_signal(signal, [&] { (*process)->handle_stop_signal(); });
  }
  auto health = open_health_checks(arguments, **process, loop);
  if (!health.ok()) return fail(health.status());
  auto control = ControlSocket::open(arguments, **process, loop, tracer);
  if (!control.ok()) return fail(control.status());
  loop.on_timer([] {});  // before_wait() does what is due.
  loop.before_wait([&] { (*process)->pump(); });
  tracer.trace(TraceLevel::kInfo, "relay", "relay serves",
               {{"port", uint32_t{arguments.listen_port}},
                {"v4", v4},
                {"v6", v6},
                {"health", arguments.health_check},
                {"control", arguments.control_endpoint.value_or(kControlEndpoint)}});
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
    if (!arguments) return exit_code;
    return static_cast<int>(arguments->control ? connlib::relay::run_control(*arguments->control)
                                               : connlib::relay::run(*arguments));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "connlib-relay: %s\n", error.what());
    return static_cast<int>(connlib::relay::ExitCode::kInternal);
  }
}
