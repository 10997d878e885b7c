// What the portal's state costs without sockets and store: 10,000 clients, 200 gateways and 100
// resources, of which each client may use all.
#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "connlib/base/check.h"
#include "connlib/portal/portal_channel.h"
#include "connlib/portal/server/portal_state.h"
#include "tests/bench/allocation_counter.h"

namespace connlib::portal::server {
namespace {

constexpr size_t kClients = 10'000;
constexpr size_t kGateways = 200;
constexpr size_t kResources = 100;

std::string uuid(size_t kind, size_t n) {
  std::string digits = std::to_string(n);
  digits.insert(0, 12 - digits.size(), '0');
  return "0000000" + std::to_string(kind) + "-0000-4000-8000-" + digits;
}

Account make_account() {
  Account out;
  out.id = uuid(0, 0);
  policy::Directory& directory = out.directory;
  const policy::GroupId everyone("everyone");
  directory.set_group({everyone, "Everyone", policy::Group::Kind::kEveryone});
  for (size_t n = 0; n < kClients; ++n) {
    directory.set_actor({policy::ActorId(uuid(1, n)), "actor"});
  }
  const Site site{SiteId(uuid(2, 0)), "site"};
  directory.set_site(site);
  for (size_t n = 0; n < kResources; ++n) {
    CONNLIB_CHECK(directory
                      .set_resource({.id = ResourceId(uuid(3, n)),
                                     .name = "resource",
                                     .address = DnsAddress{"host" + std::to_string(n)},
                                     .sites = {site}})
                      .ok());
    CONNLIB_CHECK(
        directory.set_policy({policy::PolicyId(uuid(4, n)), everyone, ResourceId(uuid(3, n))})
            .ok());
  }
  return out;
}

// Portal is a busy one. Frames are thrown away as a shell would send them.
class Portal {
 public:
  Portal() : account_(make_account()) {
    portal_ = std::make_unique<PortalState>(
        Stored{.account = account_, .api_url = "https://portal.example.com/"}, random_,
        null_tracer(), now_, absl::FromUnixSeconds(1790000000));
    for (size_t n = 0; n < kGateways; ++n) join(n, Role::kGateway);
    clients_.reserve(kClients);
    const int64_t before = bench::live_bytes();
    for (size_t n = 0; n < kClients; ++n) clients_.push_back(join(n, Role::kClient));
    bytes_per_client_ = static_cast<double>(bench::live_bytes() - before) / kClients;
  }

  SessionId join(size_t n, Role role) {
    UpgradeRequest request;
    request.role = role;
    request.external_id = std::to_string(n);
    request.agent.version = policy::Version{1, 5, 0};
    const Token token = role == Role::kClient
                            ? Token(ClientToken{.id = TokenId(std::to_string(n)),
                                                .actor = policy::ActorId(uuid(1, n))})
                            : Token(GatewayToken{.id = TokenId("g"), .site = SiteId(uuid(2, 0))});
    const auto opened = portal_->handle_upgrade(now_, request, token, {});
    CONNLIB_CHECK(std::holds_alternative<SessionId>(opened));
    const auto session = std::get<SessionId>(opened);
    portal_->handle_text(now_, session, write_peer_frame(topic_of(role), "phx_join", "null", 0));
    pump();
    return session;
  }

  void hang_up(const SessionId& session) {
    portal_->handle_closed(now_, session);
    pump();
  }

  // One request, and the answer of whichever gateway was chosen.
  void authorize(size_t n) {
    now_ += Duration(1ms);
    portal_->handle_text(now_, clients_[n % kClients],
                         write_peer_frame("client", "request_authorization",
                                          R"({"resource_id":")" + uuid(3, n % kResources) +
                                              R"(","connected_gateway_ids":[]})",
                                          1));
    while (portal_->poll_record()) {
    }
    while (const auto session = portal_->poll_ready()) {
      while (const auto frame = portal_->poll_transmit(*session)) {
        const size_t at = frame->find(R"("ref":")");
        if (at == std::string::npos || frame->find("create_authorization") == std::string::npos) {
          continue;
        }
        const std::string ref = frame->substr(at + 7, 32);
        portal_->handle_text(
            now_, *session,
            write_peer_frame("gateway", "authorization_created", R"({"ref":")" + ref + "\"}", 2));
      }
    }
    pump();
  }

  size_t set_first_policy(bool is_there) {
    if (is_there) {
      CONNLIB_CHECK(account_.directory
                        .set_policy({policy::PolicyId(uuid(4, 0)), policy::GroupId("everyone"),
                                     ResourceId(uuid(3, 0))})
                        .ok());
    } else {
      account_.directory.remove_policy(policy::PolicyId(uuid(4, 0)));
    }
    portal_->handle_account(now_, account_);
    return pump();
  }

  SessionId& client(size_t n) { return clients_[n]; }
  double bytes_per_client() const { return bytes_per_client_; }
  const PortalCounters& counters() const { return portal_->counters(); }

 private:
  size_t pump() {
    size_t frames = 0;
    while (portal_->poll_record()) {
    }
    while (const auto session = portal_->poll_ready()) {
      while (portal_->poll_transmit(*session)) ++frames;
    }
    return frames;
  }

  Timestamp now_ = Timestamp::from_nanoseconds(7'777'777'777'777);
  SeededRandom random_{7};
  Account account_;
  std::unique_ptr<PortalState> portal_;
  std::vector<SessionId> clients_;
  double bytes_per_client_ = 0;
};

Portal& busy_portal() {
  static Portal portal;
  return portal;
}

void portal_join(benchmark::State& state) {
  Portal& portal = busy_portal();
  size_t n = 0;
  for (auto _ : state) {
    portal.hang_up(portal.client(n));
    portal.client(n) = portal.join(n, Role::kClient);
    n = (n + 1) % kClients;
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["bytes_per_client"] = portal.bytes_per_client();
}
BENCHMARK(portal_join);

void portal_authorize(benchmark::State& state) {
  Portal& portal = busy_portal();
  std::vector<double> seconds;
  size_t n = 0;
  const uint64_t before = portal.counters().authorizations;
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    portal.authorize(n++);
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  CONNLIB_CHECK(portal.counters().authorizations - before == seconds.size());
  std::sort(seconds.begin(), seconds.end());
  state.counters["p99_us"] = seconds[seconds.size() * 99 / 100] * 1e6;
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(portal_authorize);

// A policy goes or comes: 10,000 clients are told.
void portal_policy_change(benchmark::State& state) {
  Portal& portal = busy_portal();
  bool is_there = true;
  for (auto _ : state) {
    is_there = !is_there;
    CONNLIB_CHECK(portal.set_first_policy(is_there) >= kClients);
  }
  if (!is_there) portal.set_first_policy(true);
}
BENCHMARK(portal_policy_change)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace connlib::portal::server

BENCHMARK_MAIN();
