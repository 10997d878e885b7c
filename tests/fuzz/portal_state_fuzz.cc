// A portal among hostile clients, gateways and relays, whose administrator keeps changing his mind.
// A script of connections, messages, raw text, edits, time and restarts. At every step:
//
//   what a gateway still enforces is granted; what a client lists is what policy lets it reach;
//   what is stored is what is granted; every frame is one that peers understand
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "connlib/base/check.h"
#include "connlib/policy/decision.h"
#include "connlib/portal/relay_messages.h"
#include "connlib/portal/server/portal_state.h"
#include "connlib/portal/to_client.h"
#include "connlib/portal/to_gateway.h"
#include "tests/fuzz/fuzz_input.h"

namespace connlib::portal::server {
namespace {

using fuzz::FuzzInput;

constexpr Timestamp kStart = Timestamp::from_nanoseconds(7'777'777'777'777);
const absl::Time kMonday = absl::FromUnixSeconds(1789984800);
constexpr size_t kMaxOpen = 8;

std::string uuid(size_t n) {
  return "00000000-0000-4000-8000-00000000000" + std::string(1, static_cast<char>('0' + n % 10));
}

using Pair = std::pair<ClientId, ResourceId>;
using Held = std::map<Pair, absl::Time>;  // Until when.

// One socket, and what its peer believes.
struct Wire {
  Role role = Role::kClient;
  policy::Subject subject{};  // Of clients.
  bool has_init = false;
  bool is_closed = false;
  std::set<ResourceId> listed{};
  std::string ref{};  // The last that a gateway was told.
  DeviceId device{};  // Of clients and gateways.
};

class Script {
 public:
  explicit Script(std::span<const uint8_t> bytes) : in_(bytes) {
    account_.id = uuid(0);
    for (size_t n = 1; n <= 2; ++n) {
      account_.directory.set_site({SiteId(uuid(n)), "site"});
      account_.directory.set_actor({policy::ActorId(uuid(n)), "actor"});
      account_.directory.set_group({policy::GroupId(uuid(n)), "group"});
    }
    // Enough to begin with; edits do the rest.
    for (size_t n = 1; n <= 2; ++n) {
      CONNLIB_CHECK(account_.directory
                        .set_resource({.id = ResourceId(uuid(n)),
                                       .name = "resource",
                                       .address = DnsAddress{uuid(n)},
                                       .sites = {Site{SiteId(uuid(n)), "site"}}})
                        .ok());
      (void)account_.directory.add_member(policy::GroupId(uuid(1)), policy::ActorId(uuid(n)));
      (void)account_.directory.set_policy(
          {policy::PolicyId(uuid(n)), policy::GroupId(uuid(1)), ResourceId(uuid(n))});
    }
    restart();
  }

  void run() {
    for (int steps = 0; !in_.empty() && steps < 300; ++steps) {
      step();
      settle();
      check();
    }
  }

 private:
  absl::Time date() const { return kMonday + absl::FromChrono(now_ - kStart); }

  void restart() {
    wires_.clear();
    Stored stored{.account = account_, .api_url = "https://portal.example.com/"};
    for (const auto& [id, row] : devices_) stored.devices.push_back(row.clone());
    for (const auto& [key, row] : grants_) stored.grants.push_back(row);
    portal_ =
        std::make_unique<PortalState>(std::move(stored), random_, null_tracer(), now_, date());
    settle();
  }

  // --- Outputs

  void settle() {
    for (int rounds = 0;; ++rounds) {
      CONNLIB_CHECK(rounds < 4);
      drain();
      if (portal_->poll_timeout().at > now_) return;
      portal_->handle_timeout(now_);
    }
  }

  void drain() {
    while (auto record = portal_->poll_record()) store(*record);
    while (const auto session = portal_->poll_ready()) {
      const auto wire = wires_.find(*session);
      while (const auto frame = portal_->poll_transmit(*session)) {
        if (wire != wires_.end()) hear(wire->second, *frame);
      }
      if (portal_->poll_close(*session) && wire != wires_.end()) wire->second.is_closed = true;
    }
  }

  void store(const Record& record) {
    if (const auto* device = std::get_if<DeviceAdded>(&record)) {
      CONNLIB_CHECK(devices_.emplace(device->row.id, device->row.clone()).second);
    } else if (const auto* grant = std::get_if<GrantStored>(&record)) {
      grants_.insert_or_assign(grant->row.key, grant->row);
    } else if (const auto* removed = std::get_if<GrantRemoved>(&record)) {
      CONNLIB_CHECK(grants_.erase(removed->key) == 1);
    }
  }

  void hear(Wire& wire, std::string_view frame) {
    CONNLIB_CHECK(!wire.is_closed);
    const PortalFrame parsed = parse_portal_frame(frame);
    CONNLIB_CHECK(!std::holds_alternative<FrameDrop>(parsed));
    const auto* push = std::get_if<Push>(&parsed);
    if (push == nullptr || push->event == kDisconnectEvent || push->event == kCloseEvent) return;
    if (wire.role == Role::kClient) {
      auto decoded = decode_to_client(push->event, push->payload());
      CONNLIB_CHECK(decoded.message() != nullptr && decoded.skipped == 0);
      hear_client(wire, *decoded.message());
    } else if (wire.role == Role::kGateway) {
      auto decoded = decode_to_gateway(push->event, push->payload());
      CONNLIB_CHECK(decoded.message() != nullptr && decoded.skipped == 0);
      hear_gateway(wire, held_[wire.device], *decoded.message());
    } else {
      CONNLIB_CHECK(decode_to_relay(push->event, push->payload()).message() != nullptr);
    }
  }

  void hear_client(Wire& wire, const ToClient& message) {
    CONNLIB_CHECK(wire.has_init || std::holds_alternative<ClientInit>(message));
    if (const auto* init = std::get_if<ClientInit>(&message)) {
      wire.has_init = true;
      wire.listed.clear();
      for (const auto& resource : init->resources) wire.listed.insert(id_of(resource));
    } else if (const auto* upserted = std::get_if<ResourceUpserted>(&message)) {
      wire.listed.insert(id_of(upserted->resource));
    } else if (const auto* deleted = std::get_if<ResourceDeleted>(&message)) {
      CONNLIB_CHECK(wire.listed.erase(deleted->id) == 1);
    } else if (const auto* created = std::get_if<AuthorizationCreated>(&message)) {
      CONNLIB_CHECK(wire.listed.contains(created->resource_id));
    }
  }

  void hear_gateway(Wire& wire, Held& held, const ToGateway& message) {
    CONNLIB_CHECK(wire.has_init || std::holds_alternative<GatewayInit>(message));
    if (const auto* init = std::get_if<GatewayInit>(&message)) {
      wire.has_init = true;
      Held listed;
      for (const auto& grant : init->authorizations) {
        const Pair pair(grant.client_id, grant.resource_id);
        if (held.contains(pair)) listed[pair] = grant.expires_at;
      }
      held = std::move(listed);
    } else if (const auto* create = std::get_if<CreateAuthorization>(&message)) {
      wire.ref = create->ref;
      held[{create->client.id, create->resource.id}] =
          create->expires_at.value_or(absl::InfiniteFuture());
    } else if (const auto* reject = std::get_if<RejectAccess>(&message)) {
      held.erase({reject->client_id, reject->resource_id});
    }
  }

  // --- What must hold

  void check() {
    CONNLIB_CHECK(portal_->poll_timeout().at > now_);
    const auto granted = portal_->grants();
    CONNLIB_CHECK(granted.size() == grants_.size());
    for (const GrantRow& row : granted) CONNLIB_CHECK(grants_.at(row.key) == row);
    for (const auto& [session, wire] : wires_) {
      if (wire.is_closed || !wire.has_init) continue;
      if (wire.role == Role::kGateway) check_gateway(wire);
      if (wire.role == Role::kClient) check_client(wire);
    }
  }

  void check_gateway(const Wire& wire) {
    const GatewayId id(wire.device.value());
    for (const auto& [pair, ends_at] : held_[wire.device]) {
      CONNLIB_CHECK(ends_at <= date() || grants_.contains({pair.first, pair.second, id}));
    }
  }

  void check_client(const Wire& wire) {
    std::set<ResourceId> expected;
    for (const auto& [id, decision] :
         policy::reachable(account_.directory, wire.subject, date(), account_.zones)) {
      expected.insert(id);
    }
    CONNLIB_CHECK(wire.listed == expected);
  }

  // --- Inputs

  void step() {
    switch (in_.u8() % 12) {
      case 0:
        return open_client();
      case 1:
        return open_gateway();
      case 2:
        return open_relay();
      case 3:
        return close();
      case 4:
        return join();
      case 5:
        return ask();
      case 6:
        return answer();
      case 7:
        return candidates();
      case 8:
        return raw();
      case 9:
        return edit();
      case 10:
        return revoke();
      default:
        return pass();
    }
  }

  UpgradeRequest request(Role role) {
    UpgradeRequest out;
    out.role = role;
    out.external_id = uuid(in_.below(2));
    out.name = "device";
    out.public_key.bytes.fill(in_.u8());
    out.address.ipv4 = Ipv4Address{{203, 0, 113, in_.u8()}};
    out.agent.version = policy::Version{1, static_cast<uint32_t>(in_.below(4)), 0};
    return out;
  }

  // The session's wire, with the row that its device has by now.
  void opened(const std::variant<SessionId, UpgradeRefusal>& result, Wire wire,
              const DeviceOwner& owner, const std::string& external_id) {
    const auto* session = std::get_if<SessionId>(&result);
    if (session == nullptr) return;
    while (auto record = portal_->poll_record()) store(*record);
    for (const auto& [id, row] : devices_) {
      if (row.owner != owner || row.external_id != external_id) continue;
      wire.device = id;
      wire.subject.circumstances.is_verified = row.is_verified;
    }
    wires_.emplace(*session, std::move(wire));
  }

  void open_client() {
    if (wires_.size() >= kMaxOpen) return;
    ClientToken token{.id = TokenId(uuid(in_.below(2))),
                      .actor = policy::ActorId(uuid(1 + in_.below(2)))};
    if (in_.u8() % 2 == 0) token.expires_at = date() + absl::Seconds(in_.u8());
    const UpgradeOrigin origin{.source =
                                   Ipv4Address{{10, 0, 0, static_cast<uint8_t>(in_.below(2))}}};
    const UpgradeRequest asked = request(Role::kClient);
    opened(portal_->handle_upgrade(now_, asked, token, origin),
           {.role = Role::kClient,
            .subject = {.actor = token.actor,
                        .circumstances = {.source = origin.source},
                        .session_ends_at = token.expires_at}},
           token.actor, asked.external_id);
  }

  void open_gateway() {
    if (wires_.size() >= kMaxOpen) return;
    const GatewayToken token{.id = TokenId(uuid(2 + in_.below(2))),
                             .site = SiteId(uuid(1 + in_.below(2)))};
    const UpgradeRequest asked = request(Role::kGateway);
    opened(portal_->handle_upgrade(now_, asked, token, {}), {.role = Role::kGateway}, token.site,
           asked.external_id);
  }

  void open_relay() {
    if (wires_.size() >= kMaxOpen) return;
    opened(portal_->handle_upgrade(now_, request(Role::kRelay), RelayToken{TokenId(uuid(4))}, {}),
           {.role = Role::kRelay}, SiteId(), "");
  }

  std::map<SessionId, Wire>::iterator any() {
    auto at = wires_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(in_.below(wires_.size())));
    return at;
  }

  void close() {
    if (wires_.empty()) return;
    const auto at = any();
    portal_->handle_closed(now_, at->first);
    wires_.erase(at);
  }

  void say(const SessionId& session, std::string_view topic, std::string_view event,
           std::string_view payload) {
    portal_->handle_text(now_, session, write_peer_frame(topic, event, payload, in_.u8()));
  }

  void join() {
    if (wires_.empty()) return;
    const auto at = any();
    const std::string secret = uuid(in_.below(3));
    say(at->first, topic_of(at->second.role), kJoinEvent, R"({"stamp_secret":")" + secret + "\"}");
  }

  std::string some_device() {
    if (devices_.empty()) return uuid(9);
    auto at = devices_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(in_.below(devices_.size())));
    return at->first.value();
  }

  void ask() {
    if (wires_.empty()) return;
    const auto at = any();
    say(at->first, "client", "request_authorization",
        R"({"resource_id":")" + uuid(in_.below(4)) + R"(","connected_gateway_ids":[")" +
            some_device() + "\"]}");
  }

  void answer() {
    if (wires_.empty()) return;
    const std::string ref = any()->second.ref;  // Its own, or another gateway's.
    say(any()->first, "gateway", "authorization_created", R"({"ref":")" + ref + "\"}");
  }

  void candidates() {
    if (wires_.empty()) return;
    const auto at = any();
    const std::string line = R"("candidates":["candidate:1 1 udp 1 192.0.2.1 1 typ host"]})";
    if (at->second.role == Role::kClient) {
      say(at->first, "client", "new_gateway_ice_candidates",
          R"({"gateway_id":")" + some_device() + "\"," + line);
    } else {
      say(at->first, "gateway", "broadcast_ice_candidates",
          R"({"client_ids":[")" + some_device() + "\"]," + line);
    }
    say(at->first, topic_of(at->second.role), "no_relays", "{}");
  }

  void raw() {
    if (wires_.empty()) return;
    const auto at = any();
    const auto bytes = in_.take(in_.below(200));
    portal_->handle_text(now_, at->first,
                         {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }

  std::vector<policy::Condition> conditions() {
    std::vector<policy::Condition> out;
    const uint8_t which = in_.u8();
    if (which & 1) out.emplace_back(policy::VerifiedCondition{});
    if (which & 2) {
      out.emplace_back(policy::SourceCondition{(which & 4) != 0, {*IpPrefix::parse("10.0.0.1")}});
    }
    if (which & 8) {
      const auto hours = policy::DayTimes::parse("M/10:00:10-10:00:50,10:01-10:02/UTC");
      CONNLIB_CHECK(hours.ok());
      out.emplace_back(policy::TimeCondition{policy::WeeklyTimes({*hours})});
    }
    return out;
  }

  void edit() {
    policy::Directory& directory = account_.directory;
    const size_t n = 1 + in_.below(2);
    switch (in_.u8() % 6) {
      case 0: {
        Resource resource{.id = ResourceId(uuid(in_.below(4))),
                          .name = uuid(in_.below(2)),
                          .address = DnsAddress{uuid(in_.below(2))},
                          .sites = {Site{SiteId(uuid(n)), uuid(in_.below(2))}}};
        if (in_.u8() % 2 == 0) resource.filters.push_back({Filter::Protocol::kIcmp});
        CONNLIB_CHECK(directory.set_resource(std::move(resource)).ok());
        break;
      }
      case 1:
        directory.remove_resource(ResourceId(uuid(in_.below(4))));
        break;
      case 2:
        (void)directory.set_policy({.id = policy::PolicyId(uuid(in_.below(4))),
                                    .group = policy::GroupId(uuid(n)),
                                    .resource = ResourceId(uuid(in_.below(4))),
                                    .conditions = conditions(),
                                    .is_disabled = in_.u8() % 8 == 0});
        break;
      case 3:
        directory.remove_policy(policy::PolicyId(uuid(in_.below(4))));
        break;
      case 4:
        (void)directory.add_member(policy::GroupId(uuid(n)),
                                   policy::ActorId(uuid(1 + in_.below(2))));
        break;
      default:
        directory.set_actor({policy::ActorId(uuid(n)), "actor", in_.u8() % 4 == 0});
    }
    portal_->handle_account(now_, account_);
  }

  void revoke() {
    if (in_.u8() % 3 == 0) {
      return portal_->handle_token_revoked(now_, TokenId(uuid(in_.below(5))));
    }
    const DeviceId device(some_device());
    const auto row = devices_.find(device);
    if (row == devices_.end()) return;
    if (in_.u8() % 4 == 0) {
      portal_->handle_device_removed(now_, device);
      drain();
      devices_.erase(row);
      return;
    }
    row->second.is_verified = in_.u8() % 2 == 0;
    portal_->handle_device_verified(now_, device, row->second.is_verified);
    for (auto& [session, wire] : wires_) {
      if (wire.device == device) {
        wire.subject.circumstances.is_verified = row->second.is_verified;
      }
    }
  }

  void pass() {
    const uint8_t how = in_.u8();
    if (how % 16 == 0) return restart();
    const Timestamp until = now_ + Duration(100ms) * int64_t{in_.u8()};
    while (portal_->poll_timeout().at <= until) {
      now_ = portal_->poll_timeout().at;
      portal_->handle_timeout(now_);
      settle();
      check();
    }
    now_ = until;
  }

  FuzzInput in_;
  Timestamp now_ = kStart;
  SeededRandom random_{7};
  Account account_;
  std::map<DeviceId, DeviceRow> devices_;
  std::map<GrantKey, GrantRow> grants_;
  std::map<SessionId, Wire> wires_;
  std::map<DeviceId, Held> held_;
  std::unique_ptr<PortalState> portal_;
};

}  // namespace
}  // namespace connlib::portal::server

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  connlib::portal::server::Script({data, size}).run();
  return 0;
}
