#include "connlib/portal/server/upgrade_refusal.h"

namespace connlib::portal::server {
namespace {

Problem problem_of(const UpgradeRefusal& refusal) {
  using enum UpgradeRefusal::Code;
  switch (refusal.code) {
    case kNotFound:
      return {404, "Not Found", "not_found", refusal.detail};
    case kInvalidConnectParams:
      return {400, "Bad Request", "invalid_connect_params", refusal.detail};
    case kInvalidToken:
      return {401, "Unauthorized", "invalid_token", refusal.detail};
    case kMissingToken:
      return {401, "Unauthorized", "missing_token", refusal.detail};
    case kLimitsExceeded:
      return {402, "Payment Required", "limits_exceeded", refusal.detail};
    case kGatewayAlreadyConnected:
      return {409, "Conflict", "gateway_already_connected", refusal.detail};
    case kRateLimit:
      return {503, "Service Unavailable", "rate_limit", refusal.detail};
    case kUnhandledConnectError:
      break;
  }
  return {500, "Internal Server Error", "unhandled_connect_error", refusal.detail};
}

}  // namespace

HandshakeResponse to_response(const UpgradeRefusal& refusal) {
  return make_refusal(problem_of(refusal));
}

}  // namespace connlib::portal::server
