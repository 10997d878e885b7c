// A client joins a portal in memory and is told of a resource: the smallest use of connlib/portal/.
#include "connlib/portal/portal_channel.h"

#include <cstdio>
#include <utility>

#include "connlib/portal/client_channel.h"

namespace {

using namespace connlib;
using namespace connlib::portal;

const ResourceId kResource("a4c1d2e3-0b9a-4f7e-8c55-3d2e1f0a9b04");

void serve(PortalChannel& portal, Timestamp now) {
  // [snippet: portal]
  while (const auto event = portal.poll_event()) {
    if (const auto* asked = std::get_if<PortalChannel::JoinAsked>(&*event)) {
      portal.accept_join(now, asked->frame.ref);
      portal.push(now, encode(ToClient(ResourceDeleted{kResource})));
    }
  }
  // [/snippet]
}

}  // namespace

int main() {
  const auto now = Timestamp::from_nanoseconds(1'000'000'000);  // A shell reads its OsClock.
  const absl::Time date = absl::FromUnixSeconds(1'700'000'000);
  SeededRandom random(1);
  const auto url = PortalUrl::parse("wss://portal.example.com");
  if (!url.ok()) return 1;
  Login login{.url = *url,
              .external_id = "laptop",
              .name = "laptop",
              .token = SecretText("token"),
              .user_agent = "Debian/12 connlib/1.5.0"};
  const PublicKey key;

  // [snippet: client]
  ClientChannel client(std::move(login), key, std::nullopt, random, null_tracer(), now, date);
  const Dial dial = std::get<Dial>(*client.poll_command());
  const ConnectRequest request = client.connect_request();  // Host, target, headers of the upgrade.
  client.handle_upgraded(now, dial.socket);                 // The shell's WebSocket is open.
  // [/snippet]
  std::printf("asks %s for %s\n", request.host.c_str(), request.target.c_str());

  PortalChannel portal(Role::kClient, now);
  while (const auto frame = client.poll_transmit()) portal.handle_text(now, *frame);
  serve(portal, now);
  while (const auto frame = portal.poll_transmit()) client.handle_text(now, dial.socket, *frame);

  bool has_joined = false;
  while (const auto event = client.poll_event()) {
    has_joined = has_joined || std::holds_alternative<Joined>(*event);
    const auto* message = std::get_if<ToClient>(&*event);
    if (message == nullptr) continue;
    const auto* deleted = std::get_if<ResourceDeleted>(message);
    return has_joined && deleted != nullptr && deleted->id == kResource ? 0 : 1;
  }
  return 1;
}
