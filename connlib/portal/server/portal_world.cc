#include "connlib/portal/server/portal_world.h"

#include <catch2/catch.hpp>

#include "connlib/portal/server/device_table.h"

namespace connlib::portal::server {
namespace {

template <uint8_t Byte>
Secret<32> secret() {
  Secret<32> out;
  for (uint8_t& byte : out.mutable_bytes()) byte = Byte;
  return out;
}

PublicKey key_of(uint8_t byte) {
  PublicKey out;
  out.bytes.fill(byte);
  return out;
}

Account make_account() {
  Account out;
  out.id = "12f207e0-3b6c-4f0f-9d0f-cc22cf9fbf3c";
  out.slug = "mycorp";
  out.dns.upstream_do53 = {*SocketAddress::parse("1.1.1.1:53")};
  out.dns.search_domain = "mycorp.com";
  policy::Directory& directory = out.directory;
  const Site hq{SiteId(kSiteId), "HQ"};
  directory.set_site(hq);
  directory.set_actor({policy::ActorId(kJane), "Jane Doe"});
  directory.set_group({policy::GroupId(kStaff), "Staff"});
  Resource gitlab{.id = ResourceId(kGitLab),
                  .name = "GitLab",
                  .address = DnsAddress{"*.gitlab.mycorp.com"},
                  .sites = {hq},
                  .filters = {{Filter::Protocol::kIcmp}}};
  Resource lab{.id = ResourceId(kLab),
               .name = "Lab",
               .address = CidrAddress{*IpPrefix::parse("172.20.0.0/16")},
               .address_description = "lab net",
               .sites = {hq}};
  const bool is_whole =
      directory.set_resource(std::move(gitlab)).ok() &&
      directory.set_resource(std::move(lab)).ok() &&
      directory.add_member(policy::GroupId(kStaff), policy::ActorId(kJane)).ok() &&
      directory
          .set_policy({policy::PolicyId(kGitLabPolicy), policy::GroupId(kStaff),
                       ResourceId(kGitLab), "GitLab for staff"})
          .ok();
  REQUIRE(is_whole);
  return out;
}

std::string json_text_after(const std::string& frame, std::string_view key) {
  const std::string quoted = "\"" + std::string(key) + "\":\"";
  const size_t at = frame.find(quoted);
  REQUIRE(at != std::string::npos);
  const size_t begin = at + quoted.size();
  return frame.substr(begin, frame.find('"', begin) - begin);
}

}  // namespace

std::string stamp_secret() {
  std::string out;
  for (int i = 0; i < 32; ++i) out += "5e";
  return out;
}

PortalWorld::PortalWorld() : account(make_account()) {
  DeviceRow client{.id = DeviceId(kClientId),
                   .owner = policy::ActorId(kJane),
                   .external_id = "laptop",
                   .name = "alice-laptop",
                   .addresses = addresses_of_host(7),
                   .psk_base = secret<0xA1>()};
  DeviceRow gateway{.id = DeviceId(kGatewayId),
                    .owner = SiteId(kSiteId),
                    .external_id = "gw",
                    .name = "gw",
                    .addresses = addresses_of_host(9),
                    .psk_base = secret<0xB2>()};
  devices.emplace(client.id, client.clone());
  devices.emplace(gateway.id, gateway.clone());
  restart();
}

void PortalWorld::restart() {
  wires_.clear();
  Stored stored{.account = account,
                .devices = {},
                .grants = {},
                .ingest_key = secret<'k'>(),
                .api_url = "https://portal.example.com/"};
  for (const auto& [id, row] : devices) stored.devices.push_back(row.clone());
  for (const auto& [key, row] : grants) stored.grants.push_back(row);
  portal = std::make_unique<PortalState>(std::move(stored), random_, null_tracer(), now,
                                         kMorning + absl::FromChrono(now - kStart));
  pump();
}

void PortalWorld::store(const Record& record) {
  if (const auto* device = std::get_if<DeviceAdded>(&record)) {
    devices.insert_or_assign(device->row.id, device->row.clone());
  } else if (const auto* grant = std::get_if<GrantStored>(&record)) {
    grants.insert_or_assign(grant->row.key, grant->row);
  } else if (const auto* removed = std::get_if<GrantRemoved>(&record)) {
    grants.erase(removed->key);
  }
}

void PortalWorld::pump() {
  while (auto record = portal->poll_record()) {
    store(*record);
    records.push_back(*std::move(record));
  }
  while (const auto session = portal->poll_ready()) {
    Wire& wire = wires_[*session];
    while (auto frame = portal->poll_transmit(*session)) wire.frames.push_back(*std::move(frame));
    if (const auto code = portal->poll_close(*session)) wire.close = code;
  }
  // Output is drained, so nothing can be due at once.
  if (portal->poll_timeout().at <= now) {
    portal->handle_timeout(now);
    pump();
    REQUIRE(portal->poll_timeout().at > now);
  }
}

SessionId PortalWorld::opened(std::variant<SessionId, UpgradeRefusal> result) {
  if (const auto* refusal = std::get_if<UpgradeRefusal>(&result)) FAIL(refusal->detail);
  pump();
  return std::get<SessionId>(result);
}

SessionId PortalWorld::client(const ClientOptions& options) {
  UpgradeRequest request;
  request.external_id = options.external_id;
  request.name = options.external_id;
  request.public_key = key_of(options.key);
  request.user_agent = options.agent;
  request.agent = parse_peer_agent(options.agent);
  const ClientToken token{.id = TokenId(options.token),
                          .actor = policy::ActorId(kJane),
                          .expires_at = options.expires_at};
  return opened(
      portal->handle_upgrade(now, request, token, {.source = *IpAddress::parse(options.source)}));
}

SessionId PortalWorld::gateway(const GatewayOptions& options) {
  UpgradeRequest request;
  request.role = Role::kGateway;
  request.external_id = options.external_id;
  request.name = options.external_id;
  request.public_key = key_of(options.key);
  request.agent = parse_peer_agent(options.agent);
  const GatewayToken token{.id = TokenId(options.token), .site = SiteId(kSiteId)};
  return opened(portal->handle_upgrade(now, request, token, {}));
}

SessionId PortalWorld::relay(uint8_t host) {
  UpgradeRequest request;
  request.role = Role::kRelay;
  request.address.ipv4 = Ipv4Address{{203, 0, 113, host}};
  return opened(portal->handle_upgrade(now, request, RelayToken{TokenId("relays")}, {}));
}

UpgradeRefusal PortalWorld::refused(Role role, const Token& token) {
  UpgradeRequest request;
  request.role = role;
  request.external_id = "gw";
  const auto result = portal->handle_upgrade(now, request, token, {});
  REQUIRE(std::holds_alternative<UpgradeRefusal>(result));
  return std::get<UpgradeRefusal>(result);
}

SessionId PortalWorld::joined_client(const ClientOptions& options) {
  const SessionId session = client(options);
  say(session, "client", "phx_join", "null", 0);
  heard(session);
  return session;
}

SessionId PortalWorld::joined_gateway(const GatewayOptions& options) {
  const SessionId session = gateway(options);
  say(session, "gateway", "phx_join", "null", 0);
  heard(session);
  return session;
}

SessionId PortalWorld::joined_relay(std::string_view secret_text, uint8_t host) {
  const SessionId session = relay(host);
  say(session, "relay", "phx_join", R"({"stamp_secret":")" + std::string(secret_text) + "\"}", 0);
  heard(session);
  return session;
}

void PortalWorld::text(const SessionId& session, std::string_view frame) {
  portal->handle_text(now, session, frame);
  pump();
}

void PortalWorld::say(const SessionId& session, std::string_view topic, std::string_view event,
                      std::string_view payload, Ref ref) {
  text(session, write_peer_frame(topic, event, payload, ref));
}

void PortalWorld::hang_up(const SessionId& session) {
  portal->handle_closed(now, session);
  pump();
}

std::vector<std::string> PortalWorld::heard(const SessionId& session) {
  return std::exchange(wires_[session].frames, {});
}

std::vector<std::string> PortalWorld::events(const SessionId& session) {
  std::vector<std::string> out;
  for (const std::string& frame : heard(session)) out.push_back(json_text_after(frame, "event"));
  return out;
}

std::optional<uint16_t> PortalWorld::closed(const SessionId& session) {
  return wires_[session].close;
}

std::string PortalWorld::value_of(const SessionId& session, std::string_view key) {
  REQUIRE(wires_[session].frames.size() == 1);
  return json_text_after(wires_[session].frames.front(), key);
}

void PortalWorld::authorize(const SessionId& client_session, const SessionId& gateway_session,
                            const std::string& resource) {
  say(client_session, "client", "request_authorization",
      R"({"resource_id":")" + resource + R"(","connected_gateway_ids":[]})");
  const std::string ref = value_of(gateway_session, "ref");
  say(gateway_session, "gateway", "authorization_created", R"({"ref":")" + ref + "\"}", 1);
  heard(gateway_session);
  CHECK(events(client_session) == std::vector<std::string>{"authorization_created"});
}

void PortalWorld::run_until(Timestamp until) {
  for (;;) {
    const Timestamp next = portal->poll_timeout().at;
    if (next > until) break;
    REQUIRE(next > now);
    now = next;
    portal->handle_timeout(now);
    pump();
  }
  now = until;
}

void PortalWorld::apply() {
  portal->handle_account(now, account);
  pump();
}

}  // namespace connlib::portal::server
