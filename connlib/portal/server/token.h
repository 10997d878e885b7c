#pragma once

#include <optional>
#include <string>
#include <variant>

#include <absl/time/time.h>

#include "connlib/base/strong.h"
#include "connlib/model/ids.h"
#include "connlib/policy/ids.h"

// What a bearer token stands for (spec portal-protocol 1.5). The secret itself never comes here: a
// shell looks it up, compares hashes and hands in the row. Kinds are not interchangeable.
namespace connlib::portal::server {

using TokenId = Strong<struct TokenIdTag, std::string>;

// Of one user or service account.
struct ClientToken {
  TokenId id;
  policy::ActorId actor;
  std::optional<policy::ProviderId> provider{};  // Who vouched for the user.
  std::optional<absl::Time> expires_at{};        // None: never.
};

// Of one site, whose gateways it may add; or of one gateway that exists already.
struct GatewayToken {
  TokenId id;
  SiteId site;
  std::optional<GatewayId> gateway{};
};

struct RelayToken {
  TokenId id;
};

using Token = std::variant<ClientToken, GatewayToken, RelayToken>;

inline const TokenId& id_of(const Token& token) {
  return std::visit([](const auto& kind) -> const TokenId& { return kind.id; }, token);
}

}  // namespace connlib::portal::server
