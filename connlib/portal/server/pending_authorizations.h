#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "connlib/base/random_source.h"
#include "connlib/base/timestamp.h"
#include "connlib/base/wakeup.h"
#include "connlib/portal/to_client.h"

namespace connlib::portal::server {

inline constexpr Duration kAuthorizationTimeout = 15s;  // Spec portal-protocol 6.2.
inline constexpr size_t kMaxPendingPerClient = 256;     // Ours: resources waited for at once.

// PendingAuthorization is a request whose gateway has not said yet that it is ready.
struct PendingAuthorization {
  ClientId client;
  GatewayId gateway;
  AuthorizationCreated answer;  // For the client, once the gateway is ready.

  const ResourceId& resource() const { return answer.resource_id; }
};

// PendingAuthorizations waits for gateways: one request for each client and resource, of which the
// newest counts.
class PendingAuthorizations {
 public:
  explicit PendingAuthorizations(RandomSource& random) : random_(&random) {}

  // add() gives the `ref` that the gateway shall return: nobody can guess it. An older request for
  // the same resource is forgotten. nullopt when too many wait for this client.
  std::optional<std::string> add(Timestamp now, PendingAuthorization pending);

  // take() ends one, by what the gateway returned; nullopt unless `gateway` was asked that.
  std::optional<PendingAuthorization> take(const std::string& ref, const GatewayId& gateway);
  std::optional<PendingAuthorization> take(const ClientId& client, const ResourceId& resource);

  // Null when that client does not wait for that.
  const PendingAuthorization* find(const ClientId& client, const ResourceId& resource) const;

  // Those that took too long; those whose gateway left; oldest first.
  std::vector<PendingAuthorization> take_expired(Timestamp now);
  std::vector<PendingAuthorization> take_of_gateway(const GatewayId& gateway);
  void forget_client(const ClientId& client);

  Wakeup poll_timeout() const;
  size_t size() const { return by_pair_.size(); }

 private:
  using Pair = std::pair<ClientId, ResourceId>;
  struct Entry {
    PendingAuthorization pending;
    std::string ref;
    uint64_t age = 0;
  };
  struct Deadline {
    Timestamp at;
    Pair pair;
  };

  PendingAuthorization remove(std::map<Pair, Entry>::iterator at);
  std::map<Pair, Entry>::iterator first_of(const ClientId& client);

  RandomSource* random_;
  std::map<Pair, Entry> by_pair_;
  std::map<std::string, Pair> by_ref_;
  std::map<uint64_t, Deadline> by_age_;  // All wait equally long, so the oldest is due first.
  uint64_t next_age_ = 0;
  Timestamp last_now_;
};

}  // namespace connlib::portal::server
