#include "connlib/portal/to_client.h"

#include <utility>

#include "connlib/portal/decode_table.h"
#include "connlib/portal/json_writer.h"
#include "connlib/portal/resource_codec.h"
#include "connlib/portal/values_codec.h"

namespace connlib::portal {
namespace {

using Result = std::optional<ToClient>;

// What a reader found, if all of its fields were there.
template <typename Message>
Result checked(const Fields& in, Message message) {
  return in.ok() ? Result(std::move(message)) : std::nullopt;
}

InterfaceConfig read_required_interface(Fields& in) {
  auto interface = read_interface(in.object("interface"));
  if (!interface) in.fail();
  return std::move(interface).value_or(InterfaceConfig());
}

IceCredentials read_required_ice(Fields& in, std::string_view key) {
  auto credentials = read_ice_credentials(in.object(key));
  if (!credentials) in.fail();
  return std::move(credentials).value_or(IceCredentials());
}

Result read_init(Fields in) {
  ClientInit out;
  out.interface = read_required_interface(in);
  out.resources = in.objects<ClientResource>("resources", Fields::kOptional, read_client_resource);
  out.relays = read_relays(in, "relays", Fields::kOptional);
  out.authorizations = in.objects<Grant>("authorizations", Fields::kOptional, read_grant);
  out.flow_logs = read_flow_logs(in.object("flow_logs"));
  return checked(in, std::move(out));
}

Result read_config_changed(Fields in) {
  ConfigChanged out{read_required_interface(in)};
  return checked(in, std::move(out));
}

Result read_upserted(Fields in) {
  auto resource = read_client_resource(in);
  return resource ? Result(ResourceUpserted{*std::move(resource)}) : std::nullopt;
}

Result read_authorization_created(Fields in) {
  AuthorizationCreated out;
  out.resource_id = in.id<ResourceId>("resource_id");
  out.gateway_id = in.id<GatewayId>("gateway_id");
  out.site_id = in.id<SiteId>("site_id", "gateway_group_id");
  out.gateway_public_key = in.public_key("gateway_public_key");
  out.gateway_addresses = {in.ipv4("gateway_ipv4"), in.ipv6("gateway_ipv6")};
  out.preshared_key = in.symmetric_key("preshared_key");
  out.client_ice = read_required_ice(in, "client_ice_credentials");
  out.gateway_ice = read_required_ice(in, "gateway_ice_credentials");
  out.use_iceless = in.flag_or("use_iceless", false);
  out.flow_logs_ingest_token = in.secret_text_or_empty("flow_logs_ingest_token");
  return checked(in, std::move(out));
}

Result read_authorization_failed(Fields in) {
  AuthorizationFailed out;
  out.resource_id = in.id<ResourceId>("resource_id");
  out.reason = FailureReason::parse(in.text("reason"));
  out.violated_properties =
      in.list<ViolatedProperty>("violated_properties", Fields::kOptional, [](JsonValue element) {
        const auto word = element.text();
        return word ? std::optional(ViolatedProperty::parse(*word)) : std::nullopt;
      });
  return checked(in, std::move(out));
}

Result read_gateway_candidates(Fields in, CandidateChange change) {
  GatewayCandidates out{change, in.id<GatewayId>("gateway_id"), read_candidates(in)};
  return checked(in, std::move(out));
}

Result read_client_candidates(Fields in, CandidateChange change) {
  ClientCandidates out{change, in.id<ClientId>("client_id"), read_candidates(in)};
  return checked(in, std::move(out));
}

IceRole read_ice_role(Fields& in) {
  const std::string role = in.text("ice_role");
  if (role != "controlling" && role != "controlled") in.fail();
  return role == "controlled" ? IceRole::kControlled : IceRole::kControlling;
}

// Of the resource a target needs to know the id and the filters only.
std::optional<DeviceAccessAuthorized::Inbound> read_inbound(Fields& in) {
  if (!in.has("resource")) return std::nullopt;
  Fields resource = in.object("resource");
  DeviceAccessAuthorized::Inbound out{.resource_id = resource.id<ResourceId>("id"),
                                      .filters = read_filters(resource, Fields::kOptional),
                                      .expires_at = in.date("expires_at")};
  if (!resource.ok()) in.fail();
  return out;
}

Result read_device_authorized(Fields in) {
  DeviceAccessAuthorized out;
  out.client_id = in.id<ClientId>("client_id");
  out.client_name = in.optional_text("client_name").value_or("");
  out.client_public_key = in.public_key("client_public_key");
  out.client_addresses = {in.ipv4("client_ipv4"), in.ipv6("client_ipv6")};
  out.preshared_key = in.symmetric_key("preshared_key");
  out.local_ice = read_required_ice(in, "local_ice_credentials");
  out.remote_ice = read_required_ice(in, "remote_ice_credentials");
  out.ice_role = read_ice_role(in);
  out.use_iceless = in.flag_or("use_iceless", false);
  out.inbound = read_inbound(in);
  out.flow_logs_ingest_token = in.secret_text_or_empty("flow_logs_ingest_token");
  return checked(in, std::move(out));
}

Result read_device_denied(Fields in) {
  DeviceAccessDenied out{.reason = FailureReason::parse(in.text("reason")),
                         .client_id = in.optional_id<ClientId>("client_id"),
                         .ipv4 = in.optional_ipv4("ipv4"),
                         .ipv6 = in.optional_ipv6("ipv6")};
  return checked(in, std::move(out));
}

Result read_candidate_error(Fields in) {
  ClientCandidateError out{in.id<ClientId>("client_id"), FailureReason::parse(in.text("reason"))};
  return checked(in, std::move(out));
}

Result read_filters_updated(Fields in) {
  ResourceFiltersUpdated out{in.id<ResourceId>("id"), read_filters(in, Fields::kRequired)};
  return checked(in, std::move(out));
}

Result read_domain_resolved(Fields in) {
  DeviceDomainResolved out{.resource_id = in.id<ResourceId>("resource_id"),
                           .domain = in.text("domain"),
                           .addresses = read_tunnel_addresses(in)};
  return checked(in, std::move(out));
}

Result read_domain_failed(Fields in) {
  DeviceDomainFailed out{in.id<ResourceId>("resource_id"), in.text("domain"),
                         FailureReason::parse(in.text("reason"))};
  return checked(in, std::move(out));
}

Result read_expiry_updated(Fields in) {
  auto grant = read_grant(in);
  return grant ? Result(AccessExpiryUpdated{*std::move(grant)}) : std::nullopt;
}

constexpr auto kAdded = CandidateChange::kAdded;
constexpr auto kInvalidated = CandidateChange::kInvalidated;

// Names that only unversioned sockets or older portals use stand last (spec 9).
constexpr DecodeRow<ToClient> kRows[] = {
    {"init", read_init},
    {"config_changed", read_config_changed},
    {"resource_created_or_updated", read_upserted},
    {"relays_presence", [](Fields in) { return checked(in, read_relays_presence(in)); }},
    {"authorization_created", read_authorization_created},
    {"authorization_creation_failed", read_authorization_failed},
    {"ice_candidates", [](Fields in) { return read_gateway_candidates(in, kAdded); }},
    {"invalidate_ice_candidates",
     [](Fields in) { return read_gateway_candidates(in, kInvalidated); }},
    {"client_ice_candidates", [](Fields in) { return read_client_candidates(in, kAdded); }},
    {"invalidate_client_ice_candidates",
     [](Fields in) { return read_client_candidates(in, kInvalidated); }},
    {"client_device_access_authorized", read_device_authorized},
    {"client_device_access_denied", read_device_denied},
    {"client_ice_candidate_error", read_candidate_error},
    {"resource_filters_updated", read_filters_updated},
    {"reject_access", [](Fields in) { return checked(in, read_reject_access(in)); }},
    {"device_pool_domain_resolved", read_domain_resolved},
    {"device_pool_domain_resolution_failed", read_domain_failed},
    {"access_authorization_expiry_updated", read_expiry_updated},
    {"gateway_ice_candidates", [](Fields in) { return read_gateway_candidates(in, kAdded); }},
    {"invalidate_gateway_ice_candidates",
     [](Fields in) { return read_gateway_candidates(in, kInvalidated); }},
    {"flow_created", read_authorization_created},
    {"flow_creation_failed", read_authorization_failed},
};

}  // namespace

Decoded<ToClient> decode_to_client(std::string_view event, JsonValue payload) {
  if (event != "resource_deleted") return decode_by_table<ToClient>(kRows, event, payload);
  auto id = read_uuid(payload);  // The one payload that is no object (spec 0.7).
  if (!id) return {FrameDrop::kBadPayload, 0};
  return {ToClient(ResourceDeleted{ResourceId(*std::move(id))}), 0};
}

}  // namespace connlib::portal
