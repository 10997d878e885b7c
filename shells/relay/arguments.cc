#include "shells/relay/arguments.h"

#include <array>
#include <cctype>
#include <cstdlib>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "shells/relay/control.h"
#include "shells/relay/exit_code.h"
#include "shells/relay/manual.h"

namespace connlib::relay {
namespace {

constexpr const char* kAuto = "auto";
constexpr uint16_t kStunPort = 3478;

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): one thread.
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

// Gives options that are not on the command line what the environment says: our name wins, then
// those of the reference.
void read_environment(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    std::string name = option->get_single_name();
    if (name == "help" || name == "version") continue;
    for (char& c : name) c = c == '-' ? '_' : static_cast<char>(std::toupper(c));
    for (const char* prefix : {"CONNLIB_", "", "FIREZONE_"}) {
      // NAME, TOKEN, USER and LOG alone belong to others.
      const bool is_bare = *prefix == '\0';
      if (is_bare && name.find('_') == std::string::npos && name != "TELEMETRY") continue;
      const auto value = environment(prefix + name);
      if (!value) continue;
      if (std::string_view(prefix) == "FIREZONE_") {
        fmt::print(stderr, "connlib-relay: {0}{1} is read; its name here is CONNLIB_{1}\n", prefix,
                   name);
      }
      option->envname(prefix + name);
      break;
    }
  }
}

// OptionGroup is a heading of --help. (CLI11's own groups hide their options from the environment.)
class OptionGroup {
 public:
  OptionGroup(CLI::App& app, const char* name) : app_(app), name_(name) {}
  template <typename T>
  CLI::Option* add_option(const char* flag, T& value, const char* help) {
    return app_.add_option(flag, value, help)->group(name_);
  }
  CLI::Option* add_flag(const char* flag, bool& value, const char* help) {
    return app_.add_flag(flag, value, help)->group(name_);
  }

 private:
  CLI::App& app_;
  const char* name_;
};

void add_addresses(CLI::App& app, Arguments& a) {
  OptionGroup group(app, "Addresses");
  group
      .add_option("--public-ip4-addr", a.public_ip4,
                  "IPv4 address that clients are told, or auto, see below")
      ->type_name("IP");
  group
      .add_option("--public-ip6-addr", a.public_ip6,
                  "IPv6 address that clients are told, or auto; one of the two is required")
      ->type_name("IP");
  group
      .add_option("--stun-server", a.stun_servers,
                  "Server to ask for what is auto, such as another relay; repeatable")
      ->allow_extra_args(false)
      ->type_name("IP[:PORT]");
  group.add_option("--bind-ip4-addr", a.bind_ip4, "IPv4 address of the sockets [0.0.0.0]")
      ->type_name("IP");
  group.add_option("--bind-ip6-addr", a.bind_ip6, "IPv6 address of the sockets [::]")
      ->type_name("IP");
  const auto add_port = [&group](const char* flag, uint16_t& value, const char* help) {
    group.add_option(flag, value, help)->check(CLI::Range(1, 65535))->type_name("PORT");
  };
  add_port("--listen-port", a.listen_port, "UDP port for STUN and TURN [3478]");
  add_port("--lowest-port", a.lowest_port, "First relayed port [49152]");
  add_port("--highest-port", a.highest_port, "Last relayed port [65535]");
}

void add_operation(CLI::App& app, Arguments& a) {
  OptionGroup group(app, "Operation");
  group
      .add_option("--health-check-addr", a.health_check,
                  "Health checks and metrics, or off [0.0.0.0:8080]")
      ->type_name("IP:PORT");
  group
      .add_option("--control-endpoint", a.control_endpoint,
                  "Control socket, or off [/run/connlib/relay.sock]")
      ->type_name("PATH");
  group.add_option("--drain", a.drain_seconds, "Time to serve on after the first signal [60]")
      ->check(CLI::Range(0.0, 86400.0))
      ->type_name("SECONDS");
  group
      .add_option("--log", a.log,
                  "LEVEL or MODULE=LEVEL, comma-separated; levels are trace, debug, info,\n"
                  "warn, error, off [info]")
      ->type_name("FILTER");
  group.add_option("--log-format", a.log_format, "human or json [human]")
      ->check(CLI::IsMember({"human", "json"}))
      ->type_name("FORMAT");
}

// CtlOptions are those behind `ctl`.
class CtlOptions {
 public:
  explicit CtlOptions(CLI::App& app) {
    ctl_ = app.add_subcommand("ctl", "Ask a relay that runs: status, drain, log; see ctl --help");
    ctl_->require_subcommand(1);
    ctl_->footer(kCtlManual);
    ctl_->add_option("--control-endpoint", endpoint_, "Path of the relay's control socket");
    ctl_->add_flag("--json", command_.is_json, "Print what the relay said; \"schema\" is 1");
    add(Verb::kStatus, "status", "What it is and does");
    add(Verb::kDrain, "drain", "No new allocations; ends when none is left")
        ->add_option("--seconds", command_.seconds, "Ends after them at the latest")
        ->check(CLI::Range(0, 86400));
    add(Verb::kLog, "log", "What it logs from here on, as --log")
        ->add_option("FILTER", command_.directives, "LEVEL or MODULE=LEVEL, comma-separated")
        ->required();
  }

  // What was asked, with the endpoint of `ctl` or else that of the relay's own options.
  std::optional<ControlCommand> chosen(const std::optional<std::string>& relay_endpoint) const {
    if (!ctl_->parsed()) return std::nullopt;
    ControlCommand out = command_;
    out.endpoint = endpoint_.value_or(relay_endpoint.value_or(kControlEndpoint));
    return out;
  }

 private:
  using Verb = ControlCommand::Verb;
  CLI::App* add(Verb verb, const char* name, const char* help) {
    CLI::App* out = ctl_->add_subcommand(name, help)->fallthrough();
    out->footer("");
    out->callback([this, verb] { command_.verb = verb; });
    return out;
  }

  CLI::App* ctl_ = nullptr;
  std::optional<std::string> endpoint_;
  ControlCommand command_;
};

void add_limits(CLI::App& app, Arguments& a) {
  auto& l = a.limits;
  OptionGroup group(app, "Peers and limits");
  group.add_flag("--allow-private-peers", a.allow_private_peers, "Relay to private networks, too");
  group.add_flag("--allow-rfc5766-channels", a.allow_rfc5766_channels,
                 "Serve channel numbers up to 0x7fff, as old clients and turnutils_uclient\n"
                 "choose them; RFC 8656 ends at 0x4fff");
  const auto add = [&group](const char* flag, auto& value, const char* help) {
    group.add_option(flag, value, help)->type_name("N");
  };
  add("--max-allocations", l.allocations, "Beyond it: 508 [16384]");
  add("--max-allocations-per-ip", l.allocations_per_source,
      "Per IPv4 address or IPv6 /64; beyond it: 486 [256]");
  add("--max-allocations-per-user", l.allocations_per_user,
      "Beyond it the user's oldest is deleted [8]");
  add("--max-bps-per-allocation", l.bits_per_second_per_allocation,
      "Bits per second; 0 is no limit [0]");
  add("--max-bps", l.bits_per_second, "Bits per second, all together; 0 is no limit [0]");
  add("--unauthenticated-pps-per-ip", l.unauthenticated_replies_per_second,
      "Answers per second to a source that proved nothing [50]");
}

void add_service(CLI::App& app, Arguments& a) {
  OptionGroup group(app, "Without a portal");
  group.add_flag("--standalone", a.standalone, "Serve without a portal; required so far");
  group.add_option("--user", a.users, "A long-term user; repeatable")
      ->allow_extra_args(false)
      ->type_name("NAME:PASSWORD");
  group.add_option("--stamp-secret", a.stamp_secret, "Secret from which passwords are derived")
      ->type_name("SECRET");
}

}  // namespace

std::optional<Arguments> parse_arguments(int argc, char** argv, int& exit_code) {
  Arguments a;
  CLI::App app(kDescription, "connlib-relay");
  app.set_version_flag("--version", "connlib-relay " CONNLIB_VERSION);
  app.footer(kManual);
  const char* const portal = "With a portal (not in this version: exit status 6)";
  app.add_option("TOKEN,--token", a.token, "Token of the relay at a portal")->group(portal);
  app.add_option("NAME,--name", a.name, "Name of the relay at a portal")->group(portal);
  app.add_option("--api-url", a.api_url, "Where the portal is")->group(portal);
  add_service(app, a);
  add_addresses(app, a);
  add_limits(app, a);
  add_operation(app, a);
  a.unsupported.add_to(app);
  CtlOptions ctl(app);
  read_environment(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::kUsage);
    return std::nullopt;
  }
  a.control = ctl.chosen(a.control_endpoint);
  a.limits.unauthenticated_reply_burst = 2 * a.limits.unauthenticated_replies_per_second;
  return a;
}

namespace {

// IP:PORT, or an IP whose port is STUN's.
std::optional<SocketAddress> parse_stun_server(const std::string& text) {
  if (const auto ip = IpAddress::parse(text)) return SocketAddress{*ip, kStunPort};
  return SocketAddress::parse(text);
}

absl::Status check_stun_servers(const Arguments& a) {
  for (const std::string& text : a.stun_servers) {
    const auto server = parse_stun_server(text);
    if (!server) {
      return absl::InvalidArgumentError(fmt::format("--stun-server {}: not IP or IP:PORT", text));
    }
    const bool is_v4 = server->ip.is_v4();
    if ((is_v4 ? a.public_ip4 : a.public_ip6) == kAuto) continue;
    return absl::InvalidArgumentError(fmt::format(
        "--stun-server {}: nobody asks it without --public-ip{}-addr auto", text, is_v4 ? 4 : 6));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status check_combination(const Arguments& a) {
  if (absl::Status status = a.unsupported.check(); !status.ok()) return status;
  if (!a.standalone) {
    return absl::UnimplementedError(
        "joining a portal is not implemented: the portal session of relays is missing from this "
        "version. Run with --standalone, and --user or --stamp-secret, to serve without one");
  }
  // A relay that somebody meant to join must not look as if it had.
  const std::pair<const char*, const std::string*> of_portals[] = {
      {"--token", &a.token}, {"--name", &a.name}, {"--api-url", &a.api_url}};
  for (const auto& [flag, value] : of_portals) {
    if (value->empty()) continue;
    return absl::InvalidArgumentError(
        fmt::format("{} is for a portal, and --standalone serves without one", flag));
  }
  return check_stun_servers(a);
}

absl::StatusOr<ProcessOptions> process_options(const Arguments& a) {
  ProcessOptions out;
  const auto bad = [](const char* flag, const std::string& value, const char* wanted) {
    return absl::InvalidArgumentError(fmt::format("{} {}: not {}", flag, value, wanted));
  };
  const auto v4 = IpAddress::parse(a.public_ip4);
  const auto v6 = IpAddress::parse(a.public_ip6);
  if (!a.public_ip4.empty() && a.public_ip4 != kAuto) {
    if (!v4 || !v4->is_v4()) return bad("--public-ip4-addr", a.public_ip4, "an IPv4 address");
    out.server.public_v4 = *v4->v4();
  }
  if (!a.public_ip6.empty() && a.public_ip6 != kAuto) {
    if (!v6 || !v6->is_v6()) return bad("--public-ip6-addr", a.public_ip6, "an IPv6 address");
    out.server.public_v6 = *v6->v6();
  }
  if (a.public_ip4.empty() && a.public_ip6.empty()) {
    return absl::FailedPreconditionError(
        "no public address: give --public-ip4-addr, --public-ip6-addr or both, the addresses at "
        "which clients and peers reach this relay");
  }
  out.bind_v4 = IpAddress::parse(a.bind_ip4);
  if (!out.bind_v4 || !out.bind_v4->is_v4()) {
    return bad("--bind-ip4-addr", a.bind_ip4, "an IPv4 address");
  }
  out.bind_v6 = IpAddress::parse(a.bind_ip6);
  if (!out.bind_v6 || !out.bind_v6->is_v6()) {
    return bad("--bind-ip6-addr", a.bind_ip6, "an IPv6 address");
  }
  if (a.lowest_port > a.highest_port) {
    return absl::InvalidArgumentError(
        fmt::format("--lowest-port {} is above --highest-port {}", a.lowest_port, a.highest_port));
  }
  out.server.listen_port = a.listen_port;
  out.server.lowest_port = a.lowest_port;
  out.server.highest_port = a.highest_port;
  out.server.limits = a.limits;
  if (a.allow_rfc5766_channels) out.server.last_channel = snownet::relay::kLastRfc5766Channel;
  out.server.peers.allows_private_peers = a.allow_private_peers;
  out.drain = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(a.drain_seconds));
  return out;
}

std::optional<PublicAddressOptions> auto_options(const Arguments& a, IpFamily family,
                                                 const ProcessOptions& options) {
  const bool is_v4 = family == IpFamily::kV4;
  if ((is_v4 ? a.public_ip4 : a.public_ip6) != kAuto) return std::nullopt;
  PublicAddressOptions out{.probe = {.bind = is_v4 ? *options.bind_v4 : *options.bind_v6,
                                     .listen_port = a.listen_port,
                                     .lowest_port = a.lowest_port,
                                     .highest_port = a.highest_port},
                           .servers = {},
                           .allows_private = a.allow_private_peers};
  for (const std::string& text : a.stun_servers) {
    const auto server = parse_stun_server(text);
    if (server && server->ip.family() == family) out.servers.push_back(*server);
  }
  return out;
}

absl::StatusOr<snownet::relay::Credentials> credentials(const Arguments& a) {
  snownet::relay::Credentials out;
  if (!a.stamp_secret.empty()) out.set_stamp_secret(a.stamp_secret);
  for (const std::string& user : a.users) {
    // A name may hold colons, as derived ones do; a password here may not.
    const size_t colon = user.rfind(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == user.size()) {
      return absl::InvalidArgumentError("--user: not NAME:PASSWORD");  // It may be a password.
    }
    out.add_user(std::string_view(user).substr(0, colon), std::string_view(user).substr(colon + 1));
  }
  if (out.empty()) {
    return absl::InvalidArgumentError(
        "--standalone needs --user NAME:PASSWORD or --stamp-secret SECRET: nobody could "
        "authenticate");
  }
  return out;
}

}  // namespace connlib::relay
