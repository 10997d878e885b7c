// relay_load: load for a TURN server, coturn or ours, and what became of it, as JSON. See
// README.md.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shells/common/os_random.h"
#include "tests/bench/relay_traffic.h"
#include "tests/bench/turn_client.h"

namespace connlib::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Arguments {
  std::string relay;
  std::string peer;
  std::string user = "bench";
  std::string password = "swordfish";
  std::string realm = "firezone";
  int pid = 0;  // The relay's, for CPU time and memory; 0: not asked.
  TrafficOptions traffic;
  double seconds = 1;
  double warm_up = 0.2;
  size_t count = 1000;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// User and system time of a process, all its threads.
double cpu_seconds(int pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string text(std::istreambuf_iterator<char>(file), {});
  const size_t behind_name = text.rfind(')');
  if (behind_name == std::string::npos) return 0;
  std::istringstream fields(text.substr(behind_name + 2));
  std::string skipped;
  double user = 0;
  double system = 0;
  for (int i = 0; i < 11; ++i) fields >> skipped;  // proc(5): fields 3 to 13.
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

uint64_t resident_kib(int pid) {
  std::ifstream file(fmt::format("/proc/{}/status", pid));
  for (std::string word; file >> word;) {
    uint64_t kib = 0;
    if (word == "VmRSS:" && file >> kib) return kib;
  }
  return 0;
}

int traffic(const Arguments& arguments, const snownet::turn::Credentials& credentials,
            RandomSource& random) {
  const auto traffic = RelayTraffic::create(arguments.traffic, credentials, random);
  if (traffic == nullptr) return 1;
  traffic->run(arguments.warm_up);
  const double cpu_before = cpu_seconds(arguments.pid);
  const auto start = Clock::now();
  const TrafficCounts counts = traffic->run(arguments.seconds);
  const double seconds = seconds_since(start);
  const double cpu = cpu_seconds(arguments.pid) - cpu_before;
  traffic->drain();
  traffic->release();
  const double lost = 1 - static_cast<double>(counts.received) /
                              static_cast<double>(std::max<uint64_t>(counts.sent, 1));
  fmt::print(
      R"({{"sent": {}, "received": {}, "wrong": {}, "seconds": {:.4f}, "cpu_seconds": {:.2f}, )"
      R"("packets_per_second": {:.0f}, "loss_percent": {:.2f}}})"
      "\n",
      counts.sent, counts.received, counts.wrong, seconds, cpu,
      static_cast<double>(counts.received) / seconds, std::max(lost, 0.0) * 100);
  if (counts.received > 0 && counts.wrong == 0) return 0;
  fmt::print(stderr, "relay_load: {} datagrams arrived, {} receives were wrong\n", counts.received,
             counts.wrong);
  return 1;
}

// Allocations one after the other; each is released before the next.
int round_trips(const Arguments& arguments, const snownet::turn::Credentials& credentials,
                RandomSource& random) {
  const SocketAddress& relay = arguments.traffic.relay;
  std::vector<double> allocate;
  std::vector<double> release;
  const double cpu_before = cpu_seconds(arguments.pid);
  for (size_t i = 0; i < arguments.count; ++i) {
    const auto allocated = allocate_client(relay, credentials, random, true);
    if (!allocated) return 1;
    allocate.push_back(allocated->seconds * 1e6);
    const auto start = Clock::now();
    if (!allocated->client->release()) return 1;
    release.push_back(seconds_since(start) * 1e6);
  }
  const double cpu = cpu_seconds(arguments.pid) - cpu_before;
  const auto at = [](std::vector<double>& values, double share) {
    std::ranges::sort(values);
    return values[std::min(values.size() - 1,
                           static_cast<size_t>(share * static_cast<double>(values.size())))];
  };
  fmt::print(R"({{"count": {}, "allocate_median_us": {:.1f}, "allocate_p99_us": {:.1f}, )"
             R"("release_median_us": {:.1f}, "release_p99_us": {:.1f}, "cpu_us": {:.1f}}})"
             "\n",
             arguments.count, at(allocate, 0.5), at(allocate, 0.99), at(release, 0.5),
             at(release, 0.99), cpu * 1e6 / static_cast<double>(arguments.count));
  return 0;
}

// Memory of the relay with many allocations that exist at once.
int hold(const Arguments& arguments, const snownet::turn::Credentials& credentials,
         RandomSource& random) {
  const uint64_t before = resident_kib(arguments.pid);
  std::vector<std::unique_ptr<TurnClient>> clients;
  const auto start = Clock::now();
  for (size_t i = 0; i < arguments.count; ++i) {
    auto allocated = allocate_client(arguments.traffic.relay, credentials, random, true);
    if (!allocated) return 1;
    clients.push_back(std::move(allocated->client));
  }
  const double seconds = seconds_since(start);
  const uint64_t after = resident_kib(arguments.pid);
  fmt::print(R"({{"allocations": {}, "seconds": {:.2f}, "before_kib": {}, "after_kib": {}}})"
             "\n",
             clients.size(), seconds, before, after);
  for (const auto& client : clients) client->release();
  return 0;
}

void raise_file_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max = std::max<rlim_t>(limit.rlim_max, 1 << 17);
  setrlimit(RLIMIT_NOFILE, &limit);  // Without it many sockets fail, and say so.
}

int run(int argc, char** argv) {
  Arguments a;
  CLI::App app("Load for a TURN server, and what became of it, as JSON.", "relay_load");
  app.require_subcommand(1);
  app.add_option("--relay", a.relay, "IP:PORT of the relay")->required();
  app.add_option("--user", a.user, "Its long-term user [bench]");
  app.add_option("--password", a.password, "[swordfish]");
  app.add_option("--realm", a.realm, "[firezone]");
  app.add_option("--pid", a.pid, "Process of the relay, for CPU time and memory");
  auto* flow = app.add_subcommand("traffic", "Channel data between clients and peers of our own");
  flow->add_option("--peer", a.peer, "IP of the peers, an address of this host")->required();
  flow->add_option("--clients", a.traffic.clients, "[8]")->check(CLI::Range(1, 512));
  flow->add_option("--payload", a.traffic.payload_bytes, "Bytes [1200]")
      ->check(CLI::Range(1, 1400));
  flow->add_option("--batch", a.traffic.batch,
                   "Datagrams per UDP_SEGMENT send, as many as fit; 1: one at a time [1]")
      ->check(CLI::Range(1, 64));
  flow->add_option("--burst", a.traffic.burst, "Datagrams in a row where --batch is 1 [8]")
      ->check(CLI::Range(1, 32));
  flow->add_option("--direction", a.traffic.direction, "to-peer, to-client or both [both]")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, Direction>{{"to-peer", Direction::kToPeer},
                                           {"to-client", Direction::kToClient},
                                           {"both", Direction::kBoth}}));
  flow->add_option("--rate", a.traffic.packets_per_second,
                   "Packets per second of all senders; 0: as fast as they can [0]");
  flow->add_option("--seconds", a.seconds, "[1]");
  flow->add_option("--warm-up", a.warm_up, "Seconds not counted [0.2]");
  auto* latency = app.add_subcommand("allocate", "Allocations one after the other");
  latency->add_option("--count", a.count, "[1000]")->check(CLI::Range(1, 1000000));
  auto* holding = app.add_subcommand("hold", "Many allocations at once");
  holding->add_option("--count", a.count, "[1000]")->check(CLI::Range(1, 16384));
  CLI11_PARSE(app, argc, argv);

  const auto relay = SocketAddress::parse(a.relay);
  const auto peer = IpAddress::parse(a.peer.empty() ? "0.0.0.0" : a.peer);
  const auto credentials = snownet::turn::Credentials::create(a.user, a.realm, a.password);
  if (!relay || !peer || !credentials) {
    fmt::print(stderr, "relay_load: not an address, or no user\n");
    return 2;
  }
  a.traffic.relay = *relay;
  a.traffic.peer = *peer;
  raise_file_limit();
  shells::OsRandom random;
  if (flow->parsed()) return traffic(a, *credentials, random);
  if (latency->parsed()) return round_trips(a, *credentials, random);
  return hold(a, *credentials, random);
}

}  // namespace
}  // namespace connlib::bench

int main(int argc, char** argv) {
  try {
    return connlib::bench::run(argc, argv);
  } catch (const std::exception& error) {  // Of the libraries; our own code throws nothing.
    std::fprintf(stderr, "relay_load: %s\n", error.what());
    return 1;
  }
}
