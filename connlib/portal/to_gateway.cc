#include "connlib/portal/to_gateway.h"

#include <utility>

#include "connlib/portal/decode_table.h"
#include "connlib/portal/resource_codec.h"
#include "connlib/portal/values_codec.h"

namespace connlib::portal {
namespace {

using Result = std::optional<ToGateway>;

template <typename Message>
Result checked(const Fields& in, Message message) {
  return in.ok() ? Result(std::move(message)) : std::nullopt;
}

Result read_init(Fields in) {
  GatewayInit out;
  Fields interface = in.object("interface");
  out.interface = read_tunnel_addresses(interface);
  if (!interface.ok()) in.fail();
  Fields config = in.object("config");
  out.ipv4_masquerade_enabled = config.ok() && config.flag_or("ipv4_masquerade_enabled", true);
  out.ipv6_masquerade_enabled = config.ok() && config.flag_or("ipv6_masquerade_enabled", true);
  out.relays = read_relays(in, "relays", Fields::kOptional);
  out.authorizations = in.objects<Grant>("authorizations", Fields::kOptional, read_grant);
  out.account_slug = in.optional_text("account_slug");
  out.flow_logs = read_flow_logs(in.object("flow_logs"));
  return checked(in, std::move(out));
}

DeviceDescription read_device(const Fields& client) {
  Fields in = client;
  return {.version = in.optional_text("version"),
          .os_name = in.optional_text("device_os_name"),
          .os_version = in.optional_text("device_os_version"),
          .serial = in.optional_text("device_serial"),
          .uuid = in.optional_text("device_uuid"),
          .identifier_for_vendor = in.optional_text("identifier_for_vendor"),
          .firebase_installation_id = in.optional_text("firebase_installation_id")};
}

std::optional<Subject> read_subject(Fields in) {
  if (!in.ok()) return std::nullopt;
  return Subject{.actor_id = in.optional_text("actor_id"),
                 .actor_name = in.optional_text("actor_name"),
                 .actor_email = in.optional_text("actor_email"),
                 .actor_type = in.optional_text("actor_type"),
                 .auth_provider_id = in.optional_text("auth_provider_id"),
                 .ip = in.optional_text("ip"),
                 .user_agent = in.optional_text("user_agent")};
}

Result read_create_authorization(Fields in) {
  CreateAuthorization out;
  out.ref = in.text("ref");
  auto resource = read_gateway_resource(in.object("resource"));
  Fields client = in.object("client");
  out.client.id = client.id<ClientId>("id");
  out.client.public_key = client.public_key("public_key");
  out.client.preshared_key = client.symmetric_key("preshared_key");
  out.client.addresses = read_tunnel_addresses(client);
  out.client.device = read_device(client);
  auto client_ice = read_ice_credentials(in.object("client_ice_credentials"));
  auto gateway_ice = read_ice_credentials(in.object("gateway_ice_credentials"));
  out.expires_at = in.optional_date("expires_at");
  out.use_iceless = in.flag_or("use_iceless", false);
  out.flow_logs_ingest_token = in.secret_text_or_empty("flow_logs_ingest_token");
  out.subject = read_subject(in.object("subject"));
  if (!in.ok() || !client.ok() || !resource || !client_ice || !gateway_ice) return std::nullopt;
  out.resource = *std::move(resource);
  out.client_ice = *std::move(client_ice);
  out.gateway_ice = *std::move(gateway_ice);
  return out;
}

Result read_candidates_of_client(Fields in, CandidateChange change) {
  ClientCandidates out{change, in.id<ClientId>("client_id"), read_candidates(in)};
  return checked(in, std::move(out));
}

Result read_resource_updated(Fields in) {
  auto resource = read_gateway_resource(in);
  return resource ? Result(GatewayResourceUpdated{*std::move(resource)}) : std::nullopt;
}

Result read_expiry_updated(Fields in) {
  auto grant = read_grant(in);
  return grant ? Result(AccessExpiryUpdated{*std::move(grant)}) : std::nullopt;
}

constexpr DecodeRow<ToGateway> kRows[] = {
    {"init", read_init},
    {"create_authorization", read_create_authorization},
    {"ice_candidates",
     [](Fields in) { return read_candidates_of_client(in, CandidateChange::kAdded); }},
    {"invalidate_ice_candidates",
     [](Fields in) { return read_candidates_of_client(in, CandidateChange::kInvalidated); }},
    {"relays_presence", [](Fields in) { return checked(in, read_relays_presence(in)); }},
    {"reject_access", [](Fields in) { return checked(in, read_reject_access(in)); }},
    {"resource_updated", read_resource_updated},
    {"access_authorization_expiry_updated", read_expiry_updated},
    {"authorize_flow", read_create_authorization},  // Unversioned sockets only (spec 9).
};

}  // namespace

Decoded<ToGateway> decode_to_gateway(std::string_view event, JsonValue payload) {
  return decode_by_table<ToGateway>(kRows, event, payload);
}

}  // namespace connlib::portal
