#include <utility>

#include "connlib/portal/json_writer.h"
#include "connlib/portal/resource_codec.h"
#include "connlib/portal/to_gateway.h"
#include "connlib/portal/values_codec.h"

namespace connlib::portal {
namespace {

// One call per message; members in the order of the specification.
class Encoder {
 public:
  Encoded operator()(const GatewayInit& m) {
    out_.begin_object().key("interface").begin_object();
    write_tunnel_addresses(out_, m.interface);
    out_.end_object().key("config").begin_object();
    out_.key("ipv4_masquerade_enabled").boolean(m.ipv4_masquerade_enabled);
    out_.key("ipv6_masquerade_enabled").boolean(m.ipv6_masquerade_enabled);
    out_.end_object().key("relays");
    write_relays(out_, m.relays);
    out_.key("authorizations");
    write_grants(out_, m.authorizations);
    out_.key("account_slug");
    write_optional_text(out_, m.account_slug);
    out_.key("flow_logs");
    write_flow_logs(out_, m.flow_logs);
    return done("init");
  }
  Encoded operator()(const CreateAuthorization& m) {
    out_.begin_object().key("ref").text(m.ref).key("resource");
    write_gateway_resource(out_, m.resource);
    out_.key("client");
    write_client(m.client);
    out_.key("client_ice_credentials");
    write_ice_credentials(out_, m.client_ice);
    out_.key("gateway_ice_credentials");
    write_ice_credentials(out_, m.gateway_ice);
    out_.key("expires_at");
    m.expires_at ? write_date(out_, *m.expires_at) : static_cast<void>(out_.null());
    out_.key("use_iceless").boolean(m.use_iceless).key("flow_logs_ingest_token");
    out_.text(m.flow_logs_ingest_token.reveal());
    if (m.subject) write_subject(*m.subject);
    return done("create_authorization");
  }
  Encoded operator()(const ClientCandidates& m) {
    out_.begin_object().key("client_id").text(m.client_id.value());
    write_candidates(out_, m.candidates);
    return done(m.change == CandidateChange::kAdded ? "ice_candidates"
                                                    : "invalidate_ice_candidates");
  }
  Encoded operator()(const RelaysPresence& m) {
    write_relays_presence(out_, m);
    return {"relays_presence", out_.take()};
  }
  Encoded operator()(const RejectAccess& m) {
    write_reject_access(out_, m);
    return {"reject_access", out_.take()};
  }
  Encoded operator()(const GatewayResourceUpdated& m) {
    write_gateway_resource(out_, m.resource);
    return {"resource_updated", out_.take()};
  }
  Encoded operator()(const AccessExpiryUpdated& m) {
    out_.begin_object();
    write_grant_members(out_, m.grant);
    return done("access_authorization_expiry_updated");
  }

 private:
  void write_client(const CreateAuthorization::Client& client) {
    out_.begin_object().key("id").text(client.id.value());
    out_.key("public_key").text(to_text(client.public_key)).key("preshared_key");
    write_symmetric_key(out_, client.preshared_key);
    write_tunnel_addresses(out_, client.addresses);
    member("version", client.device.version);
    member("device_os_name", client.device.os_name);
    member("device_os_version", client.device.os_version);
    member("device_serial", client.device.serial);
    member("device_uuid", client.device.uuid);
    member("identifier_for_vendor", client.device.identifier_for_vendor);
    member("firebase_installation_id", client.device.firebase_installation_id);
    out_.end_object();
  }
  // We know no places; reference portals send null for them as well.
  void write_subject(const Subject& subject) {
    out_.key("subject").begin_object();
    member("actor_id", subject.actor_id);
    member("actor_name", subject.actor_name);
    member("actor_email", subject.actor_email);
    member("actor_type", subject.actor_type);
    member("auth_provider_id", subject.auth_provider_id);
    member("ip", subject.ip);
    for (const char* place : {"ip_region", "ip_city", "ip_lat", "ip_lon"}) out_.key(place).null();
    member("user_agent", subject.user_agent);
    out_.end_object();
  }
  void member(std::string_view key, const std::optional<std::string>& text) {
    out_.key(key);
    write_optional_text(out_, text);
  }
  Encoded done(std::string_view event) { return {event, out_.end_object().take()}; }

  JsonWriter out_;
};

}  // namespace

Encoded encode(const ToGateway& message) { return std::visit(Encoder(), message); }

}  // namespace connlib::portal
