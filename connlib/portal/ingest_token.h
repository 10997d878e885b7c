#pragma once

#include <optional>
#include <span>
#include <string>

#include <absl/time/time.h>

#include "connlib/base/secret_text.h"
#include "connlib/model/ids.h"

namespace connlib::portal {

// IngestClaims are what the token for uploading flow logs says (spec portal-protocol 2.9).
// Reference clients and gateways drop an authorization whose token lacks one of them, even while
// uploads are off.
struct IngestClaims {
  enum class Role : uint8_t { kInitiator, kResponder };

  std::string account_id;
  absl::Time issued_at;
  absl::Time expires_at;
  bool uploads_enabled = false;
  Role role = Role::kInitiator;
  std::string initiator_device_id;
  std::string responder_device_id;
  std::string policy_authorization_id;
  std::string policy_id;
  ResourceId resource_id;
  std::string resource_name;
  std::string initiator_actor_id;
  std::string initiator_actor_name;
  absl::Time authorized_at;
  absl::Time authorization_expires_at;
};

// mint_ingest_token() signs the claims: a compact JWS (RFC 7515 §7.1) with HS256.
SecretText mint_ingest_token(const IngestClaims& claims, std::span<const uint8_t> key);

}  // namespace connlib::portal
