#include "connlib/portal/ingest_token.h"

#include <string_view>

#include "connlib/portal/json_writer.h"
#include "connlib/portal/values_codec.h"
#include "wireguard/crypto/base64.h"
#include "wireguard/crypto/hash.h"

namespace connlib::portal {
namespace {

std::span<const uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string iso_8601(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
}

std::string write_claims(const IngestClaims& claims) {
  JsonWriter out;
  out.begin_object().key("account_id").text(claims.account_id).key("iat");
  write_date(out, claims.issued_at);
  out.key("exp");
  write_date(out, claims.expires_at);
  out.key("uploads_enabled").boolean(claims.uploads_enabled).key("role");
  out.text(claims.role == IngestClaims::Role::kInitiator ? "initiator" : "responder");
  out.key("initiator_device_id").text(claims.initiator_device_id);
  out.key("responder_device_id").text(claims.responder_device_id);
  out.key("policy_authorization_id").text(claims.policy_authorization_id);
  out.key("policy_id").text(claims.policy_id);
  out.key("resource_id").text(claims.resource_id.value());
  out.key("resource_name").text(claims.resource_name);
  out.key("initiator_actor_id").text(claims.initiator_actor_id);
  out.key("initiator_actor_name").text(claims.initiator_actor_name);
  out.key("authorized_at").text(iso_8601(claims.authorized_at));
  out.key("authorization_expires_at").text(iso_8601(claims.authorization_expires_at));
  return out.end_object().take();
}

}  // namespace

SecretText mint_ingest_token(const IngestClaims& claims, std::span<const uint8_t> key) {
  std::string token = wireguard::encode_base64_url(as_bytes(R"({"alg":"HS256","typ":"JWT"})"));
  token += '.';
  token += wireguard::encode_base64_url(as_bytes(write_claims(claims)));
  const std::string signature =
      wireguard::encode_base64_url(wireguard::hmac_sha256(key, {as_bytes(token)}));
  token += '.';
  token += signature;
  SecretText out(token);
  wipe({reinterpret_cast<uint8_t*>(token.data()), token.size()});
  return out;
}

}  // namespace connlib::portal
