#include "connlib/portal/server/deal.h"

#include <utility>

#include "connlib/portal/ingest_token.h"
#include "connlib/portal/server/inits.h"

namespace connlib::portal::server {
namespace {

constexpr absl::Duration kIngestGrace = absl::Hours(24 * 30);  // Spec 2.9.

struct Ends {
  Device client;
  Device gateway;
};
Ends ends_of(const Deal& deal) {
  return {{deal.client_device.id.value(), deal.client.public_key, deal.client_device.psk_base},
          {deal.gateway_device.id.value(), deal.gateway.public_key, deal.gateway_device.psk_base}};
}

SecretText ingest_token(const Core& core, const Deal& deal, IngestClaims::Role role) {
  const policy::Actor* actor = core.account.directory.find_actor(deal.client.subject.actor);
  const absl::Time ends_at = deal.grant.expires_at.value_or(kFarFuture);
  return mint_ingest_token(
      {.account_id = core.account.id,
       .issued_at = core.date(),
       .expires_at = deal.grant.expires_at ? ends_at + kIngestGrace : kFarFuture,
       .uploads_enabled = false,
       .role = role,
       .initiator_device_id = deal.client_device.id.value(),
       .responder_device_id = deal.gateway_device.id.value(),
       .policy_authorization_id = deal.grant.id,
       .policy_id = deal.grant.policy.value(),
       .resource_id = deal.resource.id,
       .resource_name = deal.resource.name,
       .initiator_actor_id = deal.client.subject.actor.value(),
       .initiator_actor_name = actor == nullptr ? std::string() : actor->name,
       .authorized_at = core.date(),
       .authorization_expires_at = ends_at},
      core.ingest_key.bytes());
}

std::optional<std::string> present(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

DeviceDescription describe(const Deal& deal) {
  const PeerAgent& agent = deal.client.agent;
  const Login::Hardware& hardware = deal.client_device.hardware;
  return {.version = present(agent.version_text),
          .os_name = present(agent.os),
          .os_version = present(agent.os_version),
          .serial = hardware.device_serial,
          .uuid = hardware.device_uuid,
          .identifier_for_vendor = hardware.identifier_for_vendor,
          .firebase_installation_id = hardware.firebase_installation_id};
}

portal::Subject subject_of(const Core& core, const ClientPeer& client) {
  portal::Subject out;
  out.actor_id = client.subject.actor.value();
  if (const auto* actor = core.account.directory.find_actor(client.subject.actor)) {
    out.actor_name = actor->name;
  }
  if (const auto& provider = client.subject.circumstances.provider) {
    out.auth_provider_id = provider->value();
  }
  out.ip = to_text(client.subject.circumstances.source);
  out.user_agent = client.user_agent;
  return out;
}

}  // namespace

AuthorizationCreated message_for_client(const Core& core, const Deal& deal) {
  const Ends ends = ends_of(deal);
  IcePair ice = derive_ice_credentials(ends.client, ends.gateway);
  return {.resource_id = deal.resource.id,
          .gateway_id = deal.gateway.id,
          .site_id = deal.gateway.site,
          .gateway_public_key = deal.gateway.public_key,
          .gateway_addresses = deal.gateway_device.addresses,
          .preshared_key = derive_preshared_key(ends.client, ends.gateway),
          .client_ice = std::move(ice.initiator),
          .gateway_ice = std::move(ice.responder),
          .use_iceless = false,
          .flow_logs_ingest_token = ingest_token(core, deal, IngestClaims::Role::kInitiator)};
}

CreateAuthorization message_for_gateway(const Core& core, const Deal& deal, std::string ref) {
  const Ends ends = ends_of(deal);
  IcePair ice = derive_ice_credentials(ends.client, ends.gateway);
  return {.ref = std::move(ref),
          .resource = deal.resource,
          .client = {.id = deal.client.id,
                     .public_key = deal.client.public_key,
                     .preshared_key = derive_preshared_key(ends.client, ends.gateway),
                     .addresses = deal.client_device.addresses,
                     .device = describe(deal)},
          .client_ice = std::move(ice.initiator),
          .gateway_ice = std::move(ice.responder),
          .expires_at = deal.grant.expires_at,
          .use_iceless = false,
          .flow_logs_ingest_token = ingest_token(core, deal, IngestClaims::Role::kResponder),
          .subject = subject_of(core, deal.client)};
}

}  // namespace connlib::portal::server
