#include "connlib/portal/server/account_change.h"

#include <utility>
#include <vector>

#include "connlib/portal/server/inits.h"
#include "connlib/portal/server/portal_state.h"

namespace connlib::portal::server {
namespace {

// What peers are told may make sessions end, which changes the map.
template <typename Map>
std::vector<Session*> all_of(const Map& sessions) {
  std::vector<Session*> out;
  out.reserve(sessions.size());
  for (const auto& [id, session] : sessions) out.push_back(session);
  return out;
}

}  // namespace

void AccountChange::apply(Account account) {
  const DirectoryChange change = change_of(core_->account.directory, account.directory);
  const bool has_other_dns = !(core_->account.dns == account.dns);
  core_->account = std::move(account);
  conversation_->authorizer().revoke_void(core_->grants.all());
  disconnect_disabled();
  tell_gateways(change);
  tell_clients(change, has_other_dns);
}

void AccountChange::disconnect_disabled() {
  for (Session* session : all_of(core_->sessions.clients())) {
    const auto& subject = std::get<ClientPeer>(session->peer).subject;
    const policy::Actor* actor = core_->account.directory.find_actor(subject.actor);
    if (actor == nullptr || actor->is_disabled) conversation_->disconnect(*session);
  }
}

// All of them, whatever they were granted (spec 4.6).
void AccountChange::tell_gateways(const DirectoryChange& change) {
  for (const ResourceId& id : change.refiltered) {
    const Encoded message =
        encode(ToGateway(GatewayResourceUpdated{*core_->account.directory.find_resource(id)}));
    for (Session* session : all_of(core_->sessions.gateways())) {
      core_->sessions.push(core_->now, *session, message);
    }
  }
}

void AccountChange::tell_clients(const DirectoryChange& change, bool has_other_dns) {
  for (Session* session : all_of(core_->sessions.clients())) {
    if (has_other_dns) {
      const auto& client = std::get<ClientPeer>(session->peer);
      core_->push(*session, ToClient(ConfigChanged{interface_of(*core_, client)}));
    }
    conversation_->update_view(*session, change.edited);
  }
}

void AccountChange::revoke_token(const TokenId& token) {
  std::vector<GrantKey> keys;
  for (const GrantRow* row : core_->grants.all()) {
    if (row->token == token) keys.push_back(row->key);
  }
  for (const GrantKey& key : keys) conversation_->authorizer().revoke(key);
  for (Session* session : core_->sessions.with_token(token)) {
    if (std::holds_alternative<RelayPeer>(session->peer)) {
      conversation_->close(*session, kCloseGoingAway);  // Spec 1.12.
    } else {
      conversation_->disconnect(*session);
    }
  }
}

void AccountChange::set_verified(const DeviceId& device, bool is_verified) {
  if (!core_->devices.set_verified(device, is_verified)) return;
  const ClientId id(device.value());
  conversation_->authorizer().revoke_void(core_->grants.of_client(id));
  if (Session* session = core_->sessions.client(id)) {
    std::get<ClientPeer>(session->peer).subject.circumstances.is_verified = is_verified;
    conversation_->update_view(*session, {});
  }
}

void AccountChange::remove_device(const DeviceId& device) {
  if (!core_->devices.remove(device)) return;
  conversation_->authorizer().revoke_void(core_->grants.of_client(ClientId(device.value())));
  conversation_->authorizer().revoke_void(core_->grants.on_gateway(GatewayId(device.value())));
  for (Session* session : {core_->sessions.client(ClientId(device.value())),
                           core_->sessions.gateway(GatewayId(device.value()))}) {
    if (session != nullptr) conversation_->close(*session, kCloseServiceRestart);
  }
}

}  // namespace connlib::portal::server
