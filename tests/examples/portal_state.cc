// A relay connects to a portal in memory and joins: the smallest use of connlib/portal/server/.
#include "connlib/portal/server/portal_state.h"

#include <cstdio>
#include <string>
#include <utility>
#include <variant>

#include "connlib/portal/server/upgrade_throttle.h"

namespace {

using namespace connlib;
using namespace connlib::portal;
using namespace connlib::portal::server;

// A shell's part: write a row, send a frame.
void write_down(const Record& record) { std::printf("writes row of kind %zu\n", record.index()); }
void send(const std::string& frame) { std::printf("sends %s\n", frame.c_str()); }

// [snippet: pump]
void pump(PortalState& portal) {
  while (const auto record = portal.poll_record()) write_down(*record);  // And commit.
  while (const auto session = portal.poll_ready()) {
    while (const auto frame = portal.poll_transmit(*session)) send(*frame);
  }
}
// [/snippet]

}  // namespace

int main() {
  const auto now = Timestamp::from_nanoseconds(1'000'000'000);  // A shell reads its OsClock.
  const absl::Time date = absl::FromUnixSeconds(1'700'000'000);
  SeededRandom random(1);
  PortalState portal(Stored{}, random, null_tracer(), now, date);
  UpgradeThrottle throttle;
  const UpgradeHeaders headers{.target = "/relay/websocket?ipv4=203.0.113.101&port=3478",
                               .user_agent = "Linux/6.1 relay/1.0.0",
                               .x_authorization = "Bearer .secret"};
  const UpgradeOrigin origin{.source = Ipv4Address{{203, 0, 113, 101}}};

  const auto parsed = parse_upgrade_request(headers);
  const auto* request = std::get_if<UpgradeRequest>(&parsed);
  if (request == nullptr || !throttle.admit(now, origin.source, request->token)) return 1;
  const Token token = RelayToken{TokenId("relays")};  // The row that a store found.
  // [snippet: serve]
  const auto admitted = portal.handle_upgrade(now, *request, token, origin);
  const auto* session = std::get_if<SessionId>(&admitted);
  if (session == nullptr) return 1;  // An UpgradeRefusal: to_response() is the answer.
  portal.handle_text(
      now, *session,
      R"({"topic":"relay","event":"phx_join","payload":{"stamp_secret":"5e"},"ref":0})");
  pump(portal);
  // [/snippet]
  return portal.counters().joins == 1 ? 0 : 1;
}
