#include "connlib/portal/server/authorizer.h"

#include <algorithm>
#include <utility>

#include "connlib/portal/server/deal.h"
#include "connlib/portal/server/uuid.h"

namespace connlib::portal::server {
namespace {

using policy::Decision;
using Reason = FailureReason::Code;

absl::Time end_of(const std::optional<absl::Time>& at) {
  return at.value_or(absl::InfiniteFuture());
}

Reason reason_of(Decision::Verdict verdict) {
  switch (verdict) {
    case Decision::Verdict::kForbidden:
      return Reason::kForbidden;
    case Decision::Verdict::kDisabled:
      return Reason::kDisabled;
    case Decision::Verdict::kAllowed:
    case Decision::Verdict::kNotFound:
    case Decision::Verdict::kExpired:
      break;
  }
  return Reason::kNotFound;
}

ViolatedProperty property_of(policy::Property property) {
  switch (property) {
    case policy::Property::kSource:
      return ViolatedProperty::Code::kRemoteIp;
    case policy::Property::kRegion:
      return ViolatedProperty::Code::kRemoteIpLocationRegion;
    case policy::Property::kProvider:
      return ViolatedProperty::Code::kAuthProviderId;
    case policy::Property::kVerified:
      return ViolatedProperty::Code::kClientVerified;
    case policy::Property::kTime:
      break;
  }
  return ViolatedProperty::Code::kCurrentUtcDatetime;
}

std::vector<ViolatedProperty> properties_of(const Decision& decision) {
  std::vector<ViolatedProperty> out;
  if (decision.verdict != Decision::Verdict::kForbidden) return out;
  for (const policy::Property property : decision.violated) out.push_back(property_of(property));
  return out;
}

// Device pools are not served: nothing of the kind is in any client's list.
DeviceAccessDenied denied_device(const IpAddress& device) {
  DeviceAccessDenied out{.reason = Reason::kNotFound, .client_id = {}, .ipv4 = {}, .ipv6 = {}};
  if (device.v4() != nullptr) out.ipv4 = *device.v4();
  if (device.v6() != nullptr) out.ipv6 = *device.v6();
  return out;
}

}  // namespace

void Authorizer::fail(Session& client, const ResourceId& resource, FailureReason reason,
                      std::vector<ViolatedProperty> violated) {
  ++core_->counters.failures;
  core_->push(client,
              ToClient(AuthorizationFailed{resource, std::move(reason), std::move(violated)}));
}

void Authorizer::fail(const PendingAuthorization& pending, FailureReason reason) {
  if (Session* client = core_->sessions.client(pending.client)) {
    fail(*client, pending.resource(), std::move(reason));
  }
}

void Authorizer::handle_request(Session& session, const RequestAuthorization& request) {
  ++core_->counters.requests;
  const auto& client = std::get<ClientPeer>(session.peer);
  if (request.device) return core_->push(session, ToClient(denied_device(*request.device)));
  const Decision decision = decide(core_->account.directory, client.subject, request.resource_id,
                                   core_->date(), core_->account.zones);
  core_->tracer->trace(TraceLevel::kDebug, "portal", "authorization requested",
                       {{"client", client.id.value()},
                        {"resource", request.resource_id.value()},
                        {"decision", decision.explanation}});
  if (!decision.is_allowed()) {
    return fail(session, request.resource_id, reason_of(decision.verdict), properties_of(decision));
  }
  const Resource& resource = *core_->account.directory.find_resource(request.resource_id);
  const policy::Choice choice = choose(client, resource, request);
  switch (choice.failure) {
    case policy::Choice::Failure::kOffline:
      return fail(session, resource.id, Reason::kOffline);
    case policy::Choice::Failure::kVersionMismatch:
      return fail(session, resource.id, Reason::kVersionMismatch);
    case policy::Choice::Failure::kNone:
      return grant(session, resource, decision, *core_->sessions.gateway(choice.gateway));
  }
}

policy::Choice Authorizer::choose(const ClientPeer& client, const Resource& resource,
                                  const RequestAuthorization& request) {
  std::vector<policy::Candidate> candidates;
  for (const auto& [id, session] : core_->sessions.gateways()) {
    const auto& gateway = std::get<GatewayPeer>(session->peer);
    const bool is_of_site = std::any_of(resource.sites.begin(), resource.sites.end(),
                                        [&](const Site& site) { return site.id == gateway.site; });
    // One that has not joined has not got its `init`, which must come first (spec 6.5).
    if (is_of_site && session->channel.is_joined()) candidates.push_back({id, gateway.version});
  }
  return policy::choose_gateway(
      candidates,
      {.client = client.agent.version,
       .is_internet = std::holds_alternative<InternetAddress>(resource.address),
       .preferred = {request.connected_gateway_ids.begin(), request.connected_gateway_ids.end()}},
      *core_->random);
}

void Authorizer::grant(Session& session, const Resource& resource, const Decision& decision,
                       Session& gateway_session) {
  const auto& client = std::get<ClientPeer>(session.peer);
  const auto& gateway = std::get<GatewayPeer>(gateway_session.peer);
  const DeviceRow* client_device = core_->devices.find(device_id(client.id));
  const DeviceRow* gateway_device = core_->devices.find(device_id(gateway.id));
  if (client_device == nullptr || gateway_device == nullptr) {
    return fail(session, resource.id, Reason::kOffline);
  }
  const policy::Circumstances& circumstances = client.subject.circumstances;
  GrantRow row{.key = {client.id, resource.id, gateway.id},
               .id = make_uuid(*core_->random),
               .policy = decision.policy.value_or(policy::PolicyId()),
               .token = session.token,
               .expires_at = decision.expires_at,
               .source = circumstances.source,
               .region = circumstances.region,
               .provider = circumstances.provider,
               .session_ends_at = client.subject.session_ends_at,
               .route = route_of(resource)};
  const Deal deal{client, gateway, *client_device, *gateway_device, resource, row};
  auto ref = core_->pending.add(
      core_->now,
      {.client = client.id, .gateway = gateway.id, .answer = message_for_client(*core_, deal)});
  // The client asks again with the next packet.
  if (!ref) return fail(session, resource.id, Reason::kNotFound);
  core_->push(gateway_session, ToGateway(message_for_gateway(*core_, deal, *std::move(ref))));
  core_->record(GrantStored{row});
  if (const auto evicted = core_->grants.store(std::move(row))) {
    core_->record(GrantRemoved{evicted->key});
    if (Session* holder = core_->sessions.gateway(evicted->key.gateway)) {
      core_->push(*holder, ToGateway(RejectAccess{evicted->key.client, evicted->key.resource}));
    }
  }
}

void Authorizer::handle_acknowledgement(Session& session, Ref ref,
                                        const AuthorizationAcknowledged& message) {
  const auto& gateway = std::get<GatewayPeer>(session.peer);
  auto ready = core_->pending.take(message.ref, gateway.id);
  if (!ready) {
    session.channel.reply_error(core_->now, ref, "invalid_ref");
  } else {
    session.channel.reply_ok(core_->now, ref);
  }
  core_->sessions.note_output(session);
  Session* client = ready ? core_->sessions.client(ready->client) : nullptr;
  if (client == nullptr) return;
  ++core_->counters.authorizations;
  core_->push(*client, ToClient(std::move(ready->answer)));
}

void Authorizer::handle_client_connected(const TokenId& token, const ClientPeer& client) {
  const policy::Circumstances& circumstances = client.subject.circumstances;
  std::vector<GrantRow> moved;
  for (const GrantRow* row : core_->grants.of_client(client.id)) {
    const bool is_same = row->source == circumstances.source && row->region == circumstances.region;
    if (row->token == token && !is_same) moved.push_back(*row);
  }
  for (GrantRow& row : moved) {
    row.source = circumstances.source;
    row.region = circumstances.region;
    core_->record(GrantStored{row});
    core_->grants.store(std::move(row));
  }
  if (!moved.empty()) revoke_void(core_->grants.of_client(client.id));
}

// No acknowledgement can come any more, and the client may get another gateway at once.
void Authorizer::handle_gateway_left(const GatewayId& gateway) {
  for (const auto& pending : core_->pending.take_of_gateway(gateway)) {
    fail(pending, Reason::kOffline);
  }
}

void Authorizer::handle_timeout() {
  for (const auto& pending : core_->pending.take_expired(core_->now)) {
    fail(pending, Reason::kOffline);
  }
  for (const GrantRow& row : core_->grants.take_expired(core_->date())) {
    core_->record(GrantRemoved{row.key});  // The gateway has a clock of its own (spec 4.5).
  }
}

bool Authorizer::holds(const GrantRow& row) const {
  const DeviceRow* client = core_->devices.find(device_id(row.key.client));
  const DeviceRow* gateway = core_->devices.find(device_id(row.key.gateway));
  const Resource* resource = core_->account.directory.find_resource(row.key.resource);
  if (client == nullptr || !client->is_client() || gateway == nullptr || gateway->is_client() ||
      resource == nullptr || route_of(*resource) != row.route) {
    return false;
  }
  const policy::Subject subject{.actor = std::get<policy::ActorId>(client->owner),
                                .circumstances = {.source = row.source,
                                                  .region = row.region,
                                                  .provider = row.provider,
                                                  .is_verified = client->is_verified},
                                .session_ends_at = row.session_ends_at};
  const Decision decision = decide(core_->account.directory, subject, row.key.resource,
                                   core_->date(), core_->account.zones);
  return decision.is_allowed() && end_of(decision.expires_at) >= end_of(row.expires_at);
}

void Authorizer::revoke(const GrantKey& key) {
  const auto row = core_->grants.remove(key);
  if (!row) return;
  ++core_->counters.revocations;
  core_->record(GrantRemoved{row->key});
  if (Session* gateway = core_->sessions.gateway(row->key.gateway)) {
    core_->push(*gateway, ToGateway(RejectAccess{row->key.client, row->key.resource}));
  }
  // Who waits for just this must not be told that it has it. "not found" lets a client ask again.
  const auto* waiting = core_->pending.find(row->key.client, row->key.resource);
  if (waiting == nullptr || waiting->gateway != row->key.gateway) return;
  if (const auto pending = core_->pending.take(row->key.client, row->key.resource)) {
    fail(*pending, Reason::kNotFound);
  }
}

void Authorizer::revoke_void(const std::vector<const GrantRow*>& rows) {
  std::vector<GrantKey> keys;
  for (const GrantRow* row : rows) {
    if (!holds(*row)) keys.push_back(row->key);
  }
  for (const GrantKey& key : keys) revoke(key);
}

}  // namespace connlib::portal::server
