// connlib-wg: a WireGuard interface in user space, configured by wg(8).
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "shells/common/event_loop.h"
#include "shells/common/log.h"
#include "shells/common/os_random.h"
#include "shells/wg/daemon.h"
#include "shells/wg/exit_code.h"
#include "shells/wg/interface.h"
#include "shells/wg/uapi_server.h"

namespace connlib::wg {
namespace {

constexpr const char* kVersion = "connlib-wg " CONNLIB_VERSION;
constexpr const char* kSocketDirectory = "/var/run/wireguard/";

constexpr const char* kDescription =
    "Creates the WireGuard interface IFACE in user space and serves it until it is told to stop.\n"
    "The interface starts without keys and peers; configure it with wg(8) or wg-quick(8), and "
    "give\n"
    "it addresses and routes with ip(8), as one does with a kernel interface.";

constexpr const char* kFooter =
    R"(Without --foreground the program goes to the background once the interface exists.
It ends when it receives SIGTERM or SIGINT, when the interface is deleted (ip link delete IFACE)
or when its socket is deleted; interface and socket are then gone.

FILES
  /var/run/wireguard/IFACE.sock   the configuration socket, for the owner of the process only
  /dev/net/tun                    must exist

ENVIRONMENT
  LOG_LEVEL   verbose, error or silent: what to log when --log is not given

EXIT STATUS
  0 stopped   1 internal error   2 usage   3 no privilege   4 no /dev/net/tun
  5 interface name taken   6 UDP port taken

EXAMPLES
  connlib-wg wg0 && wg setconf wg0 /etc/wireguard/wg0.conf && ip link set wg0 up
  WG_QUICK_USERSPACE_IMPLEMENTATION=connlib-wg wg-quick up wg0
      (on a kernel with its own WireGuard wg-quick prefers that)
  connlib-wg --foreground --log wireguard=debug wg0)";

struct Arguments {
  bool foreground = false;
  std::string log;
  InterfaceOptions interface;
};

ExitCode fail(ExitCode code, std::string_view why) {
  fmt::print(stderr, "connlib-wg: {}\n", why);
  return code;
}

ExitCode code_of(Interface::Stage stage, const absl::Status& status) {
  if (absl::IsPermissionDenied(status)) return ExitCode::kNoPrivilege;
  if (absl::IsInvalidArgument(status)) return ExitCode::kUsage;
  if (stage == Interface::Stage::kTun && absl::IsNotFound(status)) return ExitCode::kNoTun;
  if (absl::IsAlreadyExists(status)) {
    return stage == Interface::Stage::kUdp ? ExitCode::kPortTaken : ExitCode::kNameTaken;
  }
  return ExitCode::kInternal;
}

// wireguard-go's variable, so that scripts written for it keep working.
std::string filter_text(const Arguments& arguments) {
  if (!arguments.log.empty()) return arguments.log;
  const char* level = std::getenv("LOG_LEVEL");  // NOLINT(concurrency-mt-unsafe): one thread.
  const std::string_view name = level == nullptr ? "" : level;
  if (name == "verbose" || name == "debug") return "debug";
  if (name == "silent") return "off";
  return "error";
}

ExitCode serve(const Arguments& arguments, shells::LogTracer& tracer, Daemon& daemon) {
  shells::EventLoop loop;
  shells::OsRandom random;
  // Before there is anything to clean up, so that no signal can come too early.
  for (const int signal : {SIGTERM, SIGINT}) loop.on_signal(signal, [&loop] { loop.stop(); });
  loop.on_signal(SIGHUP, [] {});

  Interface::Failure failure{};
  const auto interface = Interface::create(
      arguments.interface, loop, [&loop] { loop.stop(); }, random, tracer, failure);
  if (interface == nullptr) {
    return fail(code_of(failure.stage, failure.status), std::string(failure.status.message()));
  }
  const auto server = UapiServer::open(
      loop, {.path = kSocketDirectory + interface->name() + ".sock",
             .handler = [&](const auto& request, auto& out) { interface->answer(request, out); },
             .on_removed = [&loop] { loop.stop(); }});
  if (!server.ok()) {
    return fail(code_of(Interface::Stage::kTun, server.status()),
                std::string(server.status().message()));
  }
  loop.on_timer([] {});  // before_wait() does what is due.
  loop.before_wait([&] { interface->pump(); });
  tracer.trace(TraceLevel::kInfo, "wg", "interface serves",
               {{"interface", interface->name()}, {"port", uint32_t{interface->port()}}});
  daemon.report(ExitCode::kStopped);
  loop.run();
  interface->log_counters();
  tracer.trace(TraceLevel::kInfo, "wg", "interface stops", {{"interface", interface->name()}});
  return ExitCode::kStopped;
}

ExitCode run(const Arguments& arguments) {
  auto filter = shells::LogFilter::parse(filter_text(arguments));
  if (!filter.ok()) return fail(ExitCode::kUsage, std::string(filter.status().message()));
  Daemon daemon;
  if (!arguments.foreground && !daemon.start()) {
    return fail(ExitCode::kInternal, "cannot start a second process");
  }
  shells::LogTracer tracer(*std::move(filter));
  const ExitCode code = serve(arguments, tracer, daemon);
  daemon.report(code);  // Already done, unless serving did not begin.
  return code;
}

}  // namespace

int start(int argc, char** argv) {
  Arguments arguments;
  CLI::App app(kDescription, "connlib-wg");
  app.set_version_flag("--version", kVersion);
  app.footer(kFooter);
  app.add_flag("-f,--foreground", arguments.foreground, "Stay in the foreground and log to stderr");
  app.add_option("IFACE", arguments.interface.name, "Name of the interface, 1 to 15 characters")
      ->required();
  app.add_option("--listen-port", arguments.interface.listen_port,
                 "UDP port to listen on; 0 takes any [0]");
  app.add_option("--fwmark", arguments.interface.fwmark,
                 "Firewall mark of outgoing datagrams, decimal or 0x…; 0 is none [0]");
  app.add_option("--mtu", arguments.interface.mtu, "MTU of the interface [1420]")
      ->check(CLI::Range(576, 65535 - 80));
  app.add_option("--log", arguments.log,
                 "What to log: LEVEL or MODULE=LEVEL, comma-separated; levels are trace, debug,\n"
                 "info, warn, error, off [error]");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::kUsage);
  }
  return static_cast<int>(run(arguments));
}

}  // namespace connlib::wg

// Nothing of ours throws, but the standard library and the command line parser may.
int main(int argc, char** argv) {
  try {
    return connlib::wg::start(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "connlib-wg: %s\n", error.what());
    return static_cast<int>(connlib::wg::ExitCode::kInternal);
  }
}
