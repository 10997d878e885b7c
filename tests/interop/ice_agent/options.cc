#include "tests/interop/ice_agent/options.h"

#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "snownet/stun/relay_credentials.h"

namespace connlib::interop {
namespace {

constexpr const char* kDescription =
    "One ICE agent: gathers candidates, connects with the agent at the other end of two files, "
    "and\n"
    "exchanges 20 pings with it.";
constexpr const char* kFooter =
    R"(MINE is written once gathering is over, THEIRS is read when it appears, one thing a line:
  ice-ufrag:U   ice-pwd:P   candidate:… (RFC 8839 §5.1)   end-of-candidates
The controlling agent sends ping0 to ping19, each after the pong of the one before, then bye.

PRINTS
  state S                               checking, connected, completed, disconnected
  pair KIND ADDRESS -> KIND ADDRESS     the path selected; the last one is the one used
  echoed N

EXIT STATUS
  0 all 20 pings were echoed   1 not all, or no connection within 30 s   2 usage)";

struct Texts {
  std::string role;
  std::string stun;
  std::vector<std::string> turn;
  std::string user;
  std::string password;
};

std::optional<Options> fail(const std::string& why, int& status) {
  fmt::print(stderr, "connlib-ice-agent: {}\n", why);
  status = 2;
  return std::nullopt;
}

std::optional<Options> complete(Options options, const Texts& texts, int& status) {
  options.role = texts.role == "controlling" ? snownet::ice::Role::kControlling
                                             : snownet::ice::Role::kControlled;
  if (!texts.stun.empty()) {
    options.stun = SocketAddress::parse(texts.stun);
    if (!options.stun) return fail("--stun: no address and port: " + texts.stun, status);
  }
  for (const std::string& text : texts.turn) {
    const auto address = SocketAddress::parse(text);
    if (!address) return fail("--turn: no address and port: " + text, status);
    (address->ip.is_v4() ? options.turn.v4 : options.turn.v6) = address;
  }
  if (options.has_turn()) {
    options.credentials =
        snownet::turn::Credentials::create(texts.user, snownet::stun::kRelayRealm, texts.password);
    if (!options.credentials) return fail("--turn needs --user and --pw", status);
  }
  if (options.relay_only && !options.has_turn()) return fail("--relay-only needs --turn", status);
  return options;
}

}  // namespace

std::optional<Options> parse_options(int argc, char** argv, int& status) {
  Options options;
  Texts texts;
  CLI::App app(kDescription, "connlib-ice-agent");
  app.footer(kFooter);
  app.add_option("ROLE", texts.role, "controlling or controlled")
      ->required()
      ->check(CLI::IsMember({"controlling", "controlled"}));
  app.add_option("MINE", options.mine, "File that this agent writes")->required();
  app.add_option("THEIRS", options.theirs, "File that the other agent writes")->required();
  app.add_option("--stun", texts.stun, "ADDRESS:PORT of a STUN server");
  app.add_option("--turn", texts.turn, "ADDRESS:PORT of a TURN server; once per family")
      ->take_all();
  app.add_option("--user", texts.user, "User name at the TURN server");
  app.add_option("--pw", texts.password, "Password at the TURN server");
  app.add_flag("--relay-only", options.relay_only, "Offer relayed candidates only");
  app.add_flag("--v6", options.uses_v6, "Use IPv6 besides IPv4");
  app.add_option("--log", options.log, "What to log, as for connlib-wg [warn]");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    status = app.exit(error) == 0 ? 0 : 2;
    return std::nullopt;
  }
  return complete(std::move(options), texts, status);
}

}  // namespace connlib::interop
