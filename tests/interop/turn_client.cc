// turn_client: our TURN client alone, driven by lines on stdin; it prints one line per event.
#include <array>
#include <csignal>
#include <cstdio>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "shells/common/event_loop.h"
#include "shells/common/log.h"
#include "shells/common/os_clock.h"
#include "shells/common/os_random.h"
#include "snownet/stun/channel_data.h"
#include "snownet/stun/relay_credentials.h"
#include "snownet/turn/allocation.h"
#include "tests/interop/udp_sockets.h"

namespace connlib::interop {
namespace {

using snownet::turn::Allocation;
using snownet::turn::Credentials;
using snownet::turn::RelaySockets;

constexpr const char* kDescription =
    "Allocates at a TURN server, keeps the allocation, and does what stdin says.";
constexpr const char* kFooter = R"(COMMANDS, one a line
  send PEER TEXT               a datagram to PEER, through its channel
  bind PEER                    a channel to PEER
  credentials USER PASSWORD    others from here on
  check                        is the allocation still there?
  restart                      as if our own socket were new
  release                      gives the allocation back
  quit

PRINTS
  address local=A mapped=A    relayed A via=A    removed A    credentials outdated
  received PEER TEXT          sent PEER          unreachable PEER
  failed WHY)";

struct Arguments {
  std::vector<std::string> relays;
  std::string user;
  std::string password;
  std::string realm{snownet::stun::kRelayRealm};
  std::string log = "warn";
};

void say(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

// TurnClient is one allocation with its sockets and its commands.
class TurnClient {
 public:
  TurnClient(shells::EventLoop& loop, const RelaySockets& relay, Credentials credentials,
             std::string realm, Tracer& tracer)
      : loop_(loop),
        realm_(std::move(realm)),
        allocation_(relay, std::move(credentials), random_, tracer, shells::OsClock::now()),
        sockets_(loop, [this](const Arrival& arrival) { take(arrival); }),
        stdin_(loop.watch(STDIN_FILENO, [this](shells::EventLoop::Readiness) { read(); })) {
    stdin_.want(true, false);
    loop.on_timer([] {});  // before_wait() does what is due.
    loop.before_wait([this] { pump(); });
  }

 private:
  void take(const Arrival& arrival) {
    const auto inbound = allocation_.handle_datagram(shells::OsClock::now(), arrival.local,
                                                     arrival.from, arrival.bytes);
    if (const auto* received = std::get_if<snownet::turn::Received>(&inbound)) {
      say(fmt::format("received {} {}", to_text(received->peer),
                      std::string(received->payload.begin(), received->payload.end())));
    }
  }

  void pump() {
    const Timestamp now = shells::OsClock::now();
    if (allocation_.poll_timeout().at <= now) allocation_.handle_timeout(now);
    while (const auto event = allocation_.poll_event()) {
      std::visit([](const auto& what) { report(what); }, *event);
    }
    while (const auto transmit = allocation_.poll_transmit()) {
      sockets_.send(std::nullopt, transmit->to, transmit->datagram);
    }
    const auto failure = allocation_.failure();
    if (failure && failure != reported_failure_) {
      say(fmt::format("failed {}", snownet::turn::failure_text(*failure)));
    }
    reported_failure_ = failure;
    loop_.arm(allocation_.poll_timeout().at);
  }

  static void report(const snownet::turn::AddressDiscovered& found) {
    say(fmt::format("address local={} mapped={}", to_text(found.local), to_text(found.mapped)));
  }
  static void report(const snownet::turn::RelayedAddressAdded& added) {
    say(fmt::format("relayed {} via={}", to_text(added.relayed), to_text(added.relay)));
  }
  static void report(const snownet::turn::RelayedAddressRemoved& removed) {
    say(fmt::format("removed {}", to_text(removed.relayed)));
  }
  static void report(const snownet::turn::CredentialsOutdated&) { say("credentials outdated"); }

  void read() {
    std::array<char, 4096> buffer{};
    const ssize_t n = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (n <= 0) {
      loop_.stop();
      return;
    }
    input_.append(buffer.data(), static_cast<size_t>(n));
    for (size_t end = 0; (end = input_.find('\n')) != std::string::npos;) {
      obey(input_.substr(0, end));
      input_.erase(0, end + 1);
    }
  }

  void obey(const std::string& line) {
    std::istringstream words(line);
    std::string verb;
    std::string first;
    std::string second;
    words >> verb >> first >> second;
    const Timestamp now = shells::OsClock::now();
    const auto peer = SocketAddress::parse(first);
    if (verb == "send" && peer) {
      send(now, *peer, second);
    } else if (verb == "bind" && peer) {
      allocation_.bind_channel(now, *peer);
    } else if (auto credentials = Credentials::create(first, realm_, second);
               verb == "credentials" && credentials) {
      allocation_.set_credentials(now, *std::move(credentials));
    } else if (verb == "check") {
      allocation_.check(now);
    } else if (verb == "restart") {
      allocation_.restart(now);
    } else if (verb == "release") {
      allocation_.release(now);
    } else if (verb == "quit") {
      loop_.stop();
    } else {
      say("what? " + line);
    }
  }

  void send(Timestamp now, const SocketAddress& peer, const std::string& text) {
    const auto route = allocation_.route_to(now, peer);
    if (!route) {
      say("unreachable " + to_text(peer));
      return;
    }
    std::vector<uint8_t> frame(snownet::stun::kChannelDataHeaderBytes);
    snownet::stun::write_channel_data_header(
        std::span(frame).first<snownet::stun::kChannelDataHeaderBytes>(), route->channel,
        text.size());
    frame.insert(frame.end(), text.begin(), text.end());
    sockets_.send(std::nullopt, route->relay, frame);
    say("sent " + to_text(peer));
  }

  shells::EventLoop& loop_;
  shells::OsRandom random_;
  std::string realm_;
  Allocation allocation_;
  UdpSockets sockets_;
  shells::EventLoop::Watch stdin_;
  std::string input_;
  std::optional<snownet::turn::Failure> reported_failure_;
};

int fail(const std::string& why) {
  fmt::print(stderr, "turn_client: {}\n", why);
  return 2;
}

int run(int argc, char** argv) {
  Arguments arguments;
  CLI::App app(kDescription, "turn_client");
  app.footer(kFooter);
  app.add_option("--turn", arguments.relays, "ADDRESS:PORT of the server; once per family")
      ->required()
      ->take_all();
  app.add_option("--user", arguments.user)->required();
  app.add_option("--pw", arguments.password)->required();
  app.add_option("--realm", arguments.realm);
  app.add_option("--log", arguments.log, "as for connlib-wg [warn]");
  CLI11_PARSE(app, argc, argv);

  RelaySockets relay;
  for (const std::string& text : arguments.relays) {
    const auto address = SocketAddress::parse(text);
    if (!address) return fail("no address and port: " + text);
    (address->ip.is_v4() ? relay.v4 : relay.v6) = address;
  }
  auto credentials = Credentials::create(arguments.user, arguments.realm, arguments.password);
  if (!credentials) return fail("user, password or realm is empty or too long");
  auto filter = shells::LogFilter::parse(arguments.log);
  if (!filter.ok()) return fail(std::string(filter.status().message()));
  shells::LogTracer tracer(*std::move(filter));

  shells::EventLoop loop;
  for (const int signal : {SIGTERM, SIGINT}) loop.on_signal(signal, [&loop] { loop.stop(); });
  const TurnClient client(loop, relay, *std::move(credentials), arguments.realm, tracer);
  loop.run();
  return 0;
}

}  // namespace
}  // namespace connlib::interop

// NOLINTNEXTLINE(bugprone-exception-escape): a test tool may end by one.
int main(int argc, char** argv) { return connlib::interop::run(argc, argv); }
