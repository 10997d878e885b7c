#include <utility>

#include "connlib/portal/json_writer.h"
#include "connlib/portal/resource_codec.h"
#include "connlib/portal/to_client.h"
#include "connlib/portal/values_codec.h"

namespace connlib::portal {
namespace {

// One call per message; members in the order of the specification.
class Encoder {
 public:
  Encoded operator()(const ClientInit& m) {
    out_.begin_object().key("interface");
    write_interface(out_, m.interface);
    out_.key("resources").begin_array();
    for (const ClientResource& resource : m.resources) write_client_resource(out_, resource);
    out_.end_array().key("relays");
    write_relays(out_, m.relays);
    out_.key("authorizations");
    write_grants(out_, m.authorizations);
    out_.key("flow_logs");
    write_flow_logs(out_, m.flow_logs);
    return done("init");
  }
  Encoded operator()(const ConfigChanged& m) {
    out_.begin_object().key("interface");
    write_interface(out_, m.interface);
    return done("config_changed");
  }
  Encoded operator()(const ResourceUpserted& m) {
    write_client_resource(out_, m.resource);
    return {"resource_created_or_updated", out_.take()};
  }
  Encoded operator()(const ResourceDeleted& m) {
    out_.text(m.id.value());
    return {"resource_deleted", out_.take()};
  }
  Encoded operator()(const RelaysPresence& m) {
    write_relays_presence(out_, m);
    return {"relays_presence", out_.take()};
  }
  Encoded operator()(const AuthorizationCreated& m) {
    out_.begin_object().key("resource_id").text(m.resource_id.value());
    out_.key("gateway_id").text(m.gateway_id.value()).key("site_id").text(m.site_id.value());
    out_.key("gateway_public_key").text(to_text(m.gateway_public_key));
    out_.key("gateway_ipv4").text(to_text(IpAddress(m.gateway_addresses.ipv4)));
    out_.key("gateway_ipv6").text(to_text(IpAddress(m.gateway_addresses.ipv6)));
    out_.key("preshared_key");
    write_symmetric_key(out_, m.preshared_key);
    out_.key("client_ice_credentials");
    write_ice_credentials(out_, m.client_ice);
    out_.key("gateway_ice_credentials");
    write_ice_credentials(out_, m.gateway_ice);
    out_.key("use_iceless").boolean(m.use_iceless).key("flow_logs_ingest_token");
    out_.text(m.flow_logs_ingest_token.reveal());
    return done("authorization_created");
  }
  Encoded operator()(const AuthorizationFailed& m) {
    out_.begin_object().key("resource_id").text(m.resource_id.value());
    out_.key("reason").text(m.reason.word());
    if (!m.violated_properties.empty()) {
      out_.key("violated_properties").begin_array();
      for (const auto& property : m.violated_properties) out_.text(property.word());
      out_.end_array();
    }
    return done("authorization_creation_failed");
  }
  Encoded operator()(const GatewayCandidates& m) {
    out_.begin_object().key("gateway_id").text(m.gateway_id.value());
    write_candidates(out_, m.candidates);
    return done(m.change == CandidateChange::kAdded ? "ice_candidates"
                                                    : "invalidate_ice_candidates");
  }
  Encoded operator()(const ClientCandidates& m) {
    out_.begin_object().key("client_id").text(m.client_id.value());
    write_candidates(out_, m.candidates);
    return done(m.change == CandidateChange::kAdded ? "client_ice_candidates"
                                                    : "invalidate_client_ice_candidates");
  }
  Encoded operator()(const DeviceAccessAuthorized& m) {
    out_.begin_object().key("client_id").text(m.client_id.value());
    out_.key("client_name").text(m.client_name);
    out_.key("client_public_key").text(to_text(m.client_public_key));
    out_.key("client_ipv4").text(to_text(IpAddress(m.client_addresses.ipv4)));
    out_.key("client_ipv6").text(to_text(IpAddress(m.client_addresses.ipv6)));
    out_.key("preshared_key");
    write_symmetric_key(out_, m.preshared_key);
    out_.key("local_ice_credentials");
    write_ice_credentials(out_, m.local_ice);
    out_.key("remote_ice_credentials");
    write_ice_credentials(out_, m.remote_ice);
    out_.key("ice_role");
    out_.text(m.ice_role == IceRole::kControlling ? "controlling" : "controlled");
    out_.key("use_iceless").boolean(m.use_iceless);
    if (m.inbound) write_inbound(*m.inbound);
    out_.key("flow_logs_ingest_token");
    out_.text(m.flow_logs_ingest_token.reveal());
    return done("client_device_access_authorized");
  }
  Encoded operator()(const DeviceAccessDenied& m) {
    out_.begin_object().key("reason").text(m.reason.word());
    if (m.client_id) out_.key("client_id").text(m.client_id->value());
    out_.key("ipv4");
    m.ipv4 ? out_.text(to_text(IpAddress(*m.ipv4))) : out_.null();
    out_.key("ipv6");
    m.ipv6 ? out_.text(to_text(IpAddress(*m.ipv6))) : out_.null();
    return done("client_device_access_denied");
  }
  Encoded operator()(const ClientCandidateError& m) {
    out_.begin_object().key("client_id").text(m.client_id.value());
    out_.key("reason").text(m.reason.word());
    return done("client_ice_candidate_error");
  }
  Encoded operator()(const ResourceFiltersUpdated& m) {
    out_.begin_object().key("id").text(m.id.value()).key("filters");
    write_filters(out_, m.filters);
    return done("resource_filters_updated");
  }
  Encoded operator()(const RejectAccess& m) {
    write_reject_access(out_, m);
    return {"reject_access", out_.take()};
  }
  Encoded operator()(const DeviceDomainResolved& m) {
    out_.begin_object().key("resource_id").text(m.resource_id.value());
    out_.key("domain").text(m.domain);
    write_tunnel_addresses(out_, m.addresses);
    return done("device_pool_domain_resolved");
  }
  Encoded operator()(const DeviceDomainFailed& m) {
    out_.begin_object().key("resource_id").text(m.resource_id.value());
    out_.key("domain").text(m.domain).key("reason").text(m.reason.word());
    return done("device_pool_domain_resolution_failed");
  }
  Encoded operator()(const AccessExpiryUpdated& m) {
    out_.begin_object();
    write_grant_members(out_, m.grant);
    return done("access_authorization_expiry_updated");
  }

 private:
  void write_inbound(const DeviceAccessAuthorized::Inbound& inbound) {
    out_.key("resource").begin_object().key("id").text(inbound.resource_id.value());
    out_.key("filters");
    write_filters(out_, inbound.filters);
    out_.end_object().key("expires_at");
    write_date(out_, inbound.expires_at);
  }
  Encoded done(std::string_view event) { return {event, out_.end_object().take()}; }

  JsonWriter out_;
};

}  // namespace

Encoded encode(const ToClient& message) { return std::visit(Encoder(), message); }

}  // namespace connlib::portal
