#pragma once

#include "connlib/portal/server/conversation.h"

namespace connlib::portal::server {

// AccountChange carries out what an administrator did. Access is taken back first: from gateways,
// which enforce it, then from the lists of clients. Private.
class AccountChange {
 public:
  AccountChange(Core& core, Conversation& conversation)
      : core_(&core), conversation_(&conversation) {}

  void apply(Account account);
  void revoke_token(const TokenId& token);
  void set_verified(const DeviceId& device, bool is_verified);
  void remove_device(const DeviceId& device);

 private:
  void disconnect_disabled();
  void tell_gateways(const DirectoryChange& change);
  void tell_clients(const DirectoryChange& change, bool has_other_dns);

  Core* core_;
  Conversation* conversation_;
};

}  // namespace connlib::portal::server
