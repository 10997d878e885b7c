#include "tests/scenarios/stories/endings.h"

#include <algorithm>

#include <fmt/format.h>

namespace connlib::scenarios {
namespace {

constexpr Duration kLasting = 60s;
constexpr Duration kEcho = 1s;
constexpr Duration kSettling = 2s;
constexpr Duration kFlowing = 5s;

}  // namespace

void set_echo(Deployment& deployment, std::optional<Duration> interval) {
  deployment.world.act(deployment.client().peer, [&](NodePeer& peer, Timestamp now) {
    interval ? peer.start_echo(now, *interval) : peer.stop_echo(now);
  });
}

std::optional<snownet::ice::CandidateKind> remote_kind(const Party& from, const Party& to) {
  const auto* agent = from->agent_to(to.id());
  if (agent == nullptr) return std::nullopt;
  for (const auto& pair : agent->pairs()) {
    if (pair.path() == agent->selected()) return pair.remote().kind;
  }
  return std::nullopt;
}

void expect_path(Telling& telling, Deployment& deployment, PathKind kind, Duration bound) {
  const Timestamp started_at = deployment.started_at();
  expect_echo_within(telling, deployment, started_at, bound);
  deployment.world.run_for(kSettling);
  const Timestamp settled_at = deployment.world.now();
  deployment.world.run_for(kSettling);
  const auto reached = deployment.path_kind();
  telling.expect(reached == kind, fmt::format("the path is {}, not {}", name(kind),
                                              reached ? name(*reached) : "none"));
  const Timestamp last_change =
      std::max(deployment.client()->path_changed_at(), deployment.gateway()->path_changed_at());
  telling.within("path", last_change - started_at, bound);
  for (const Party* party : {&deployment.client(), &deployment.gateway()}) {
    telling.expect((*party)->last_off_path_at() < settled_at,
                   party->id() + " gets data by the path that it has selected");
  }
  deployment.invariants.check_rest();
}

void expect_path(Telling& telling, Deployment& deployment, PathKind kind) {
  expect_path(telling, deployment, kind, telling.bound());
}

void expect_echo_within(Telling& telling, Deployment& deployment, Timestamp since, Duration bound) {
  // Longer than the bound, so that it is known by how much it was missed.
  deployment.run_until_echo(since, since + 3 * bound + 1s - deployment.world.now());
  telling.within("echo", deployment.client()->echo().first_answer(since) - since, bound);
}

void expect_lasting(Telling& telling, Deployment& deployment) {
  set_echo(deployment, kEcho);
  const Timestamp since = deployment.world.now();
  deployment.world.run_for(kLasting);
  const EchoLog& echo = deployment.client()->echo();
  const Duration round_trip = 1s;  // 900 ms by the weather, and the portal has no part in it.
  const Duration silence = echo.longest_silence(since, deployment.world.now());
  telling.expect(
      silence <= kEcho + round_trip,
      fmt::format("an echo every second stays up for a minute ({} without)", to_text(silence)));
  deployment.invariants.check_rest();
  expect_streams(telling, deployment);
}

void expect_streams(Telling& telling, Deployment& deployment) {
  if (!telling.carries_streams()) return;
  const std::vector<TransferSender> before = deployment.client()->transfers();
  deployment.world.run_for(kFlowing);
  const auto& after = deployment.client()->transfers();
  telling.expect(!after.empty(), "there are streams");
  for (size_t i = 0; i < after.size(); ++i) {
    const TransferOptions& options = after[i].options();
    telling.expect(!after[i].has_given_up(), fmt::format("TCP of {} survives", options.system));
    const auto written = static_cast<uint64_t>(kFlowing / options.interval);
    // A window per round trip may be less than what is written.
    telling.expect(after[i].acknowledged() >= before[i].acknowledged() + written / 2,
                   fmt::format("TCP of {} flows again", options.system));
    telling.within(fmt::format("stream of {}", options.system), after[i].longest_wait(),
                   options.gives_up_after);
  }
}

void expect_failed_within(Telling& telling, const Party& party, Timestamp since, Duration bound) {
  telling.within(party.id() + " failed", party->history().first(Happening::kFailed, since) - since,
                 bound);
}

void expect_uninterrupted(Telling& telling, const Deployment& deployment, Timestamp since) {
  const EchoLog& echo = deployment.client()->echo();
  const Timestamp answered_by = deployment.world.now() - 1s;
  telling.expect(echo.lost(since, answered_by) == 0,
                 fmt::format("no ping is lost ({} were)", echo.lost(since, answered_by)));
  const size_t gone = deployment.client()->history().count(Happening::kFailed, since) +
                      deployment.gateway()->history().count(Happening::kFailed, since);
  telling.expect(gone == 0, "no end fails");
}

void run_to_failure(Deployment& deployment, const Party& party, Timestamp since, Duration limit) {
  const auto has_failed = [&] {
    return !party->history().first(Happening::kFailed, since).is_never();
  };
  (void)deployment.world.run_until(has_failed, limit);
}

}  // namespace connlib::scenarios
