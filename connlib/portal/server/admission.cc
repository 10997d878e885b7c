#include "connlib/portal/server/admission.h"

#include <utility>

namespace connlib::portal::server {
namespace {

using Code = UpgradeRefusal::Code;
using Admitted = std::variant<Peer, UpgradeRefusal>;

UpgradeRefusal invalid_token(const char* why) { return {Code::kInvalidToken, why}; }

// The row of a device that is known, or becomes known now; null at a limit.
const DeviceRow* find_or_add(Core& core, const DeviceOwner& owner, const UpgradeRequest& request) {
  if (const DeviceRow* known = core.devices.find(owner, request.external_id)) return known;
  const DeviceRow* added = core.devices.add({.owner = owner,
                                             .external_id = request.external_id,
                                             .name = request.name,
                                             .hardware = request.hardware});
  if (added != nullptr) core.record(DeviceAdded{added->clone()});
  return added;
}

class Admitter {
 public:
  Admitter(Core& core, const UpgradeRequest& request, const UpgradeOrigin& origin)
      : core_(&core), request_(&request), origin_(&origin) {}

  Admitted operator()(const ClientToken& token) {
    if (request_->role != Role::kClient) return invalid_token("Invalid token");
    if (token.expires_at && *token.expires_at <= core_->date())
      return invalid_token("Token expired");
    const policy::Actor* actor = core_->account.directory.find_actor(token.actor);
    if (actor == nullptr || actor->is_disabled) return invalid_token("Actor is disabled");
    const DeviceRow* device = find_or_add(*core_, token.actor, *request_);
    if (device == nullptr) return UpgradeRefusal{Code::kLimitsExceeded, "Too many devices"};
    return ClientPeer{.id = ClientId(device->id.value()),
                      .public_key = request_->public_key,
                      .subject = {.actor = token.actor,
                                  .circumstances = {.source = origin_->source,
                                                    .region = origin_->region,
                                                    .provider = token.provider,
                                                    .is_verified = device->is_verified},
                                  .session_ends_at = token.expires_at},
                      .user_agent = request_->user_agent,
                      .agent = request_->agent};
  }

  Admitted operator()(const GatewayToken& token) {
    if (request_->role != Role::kGateway) return invalid_token("Invalid token");
    const DeviceRow* device = token.gateway ? core_->devices.find(device_id(*token.gateway))
                                            : find_or_add(*core_, token.site, *request_);
    if (device == nullptr && token.gateway) return invalid_token("The token's gateway is gone");
    if (device == nullptr) return UpgradeRefusal{Code::kLimitsExceeded, "Too many gateways"};
    if (device->owner != DeviceOwner(token.site)) return invalid_token("Invalid token");
    const GatewayId id(device->id.value());
    const Session* present = core_->sessions.gateway(id);
    if (present != nullptr && present->token != token.id) {
      return UpgradeRefusal{Code::kGatewayAlreadyConnected, "This gateway is connected already"};
    }
    return GatewayPeer{.id = id,
                       .site = token.site,
                       .public_key = request_->public_key,
                       .version = request_->agent.version};
  }

  Admitted operator()(const RelayToken& /*token*/) {
    if (request_->role != Role::kRelay) return invalid_token("Invalid token");
    return RelayPeer{.address = request_->address};
  }

 private:
  Core* core_;
  const UpgradeRequest* request_;
  const UpgradeOrigin* origin_;
};

}  // namespace

Admitted admit(Core& core, const UpgradeRequest& request, const Token& token,
               const UpgradeOrigin& origin) {
  return std::visit(Admitter(core, request, origin), token);
}

}  // namespace connlib::portal::server
