#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include <absl/time/time.h>

#include "connlib/base/random_source.h"
#include "connlib/base/timestamp.h"
#include "connlib/base/wakeup.h"
#include "connlib/model/public_key.h"
#include "connlib/portal/connect_request.h"
#include "connlib/portal/shared_messages.h"

namespace connlib::portal::server {

inline constexpr size_t kRelaysPerPeer = 2;               // Spec portal-protocol 7.3.
inline constexpr Duration kRelayQuietPeriod = 1s;         // Spec 7.3.
inline constexpr Duration kMaxRelayWait = 10s;            // Ours: however restless relays are.
inline constexpr size_t kMaxRelays = 1024;                // Ours.
inline constexpr size_t kMaxStampSecretCharacters = 256;  // Ours: reference relays send 64.

// RelayUser is what the credentials of a peer on any relay depend on.
struct RelayUser {
  PublicKey public_key;
  absl::Time expires_at;
};

// RelayMemory is what one connection was told about relays.
struct RelayMemory {
  struct Told {
    RelayId id;
    Login::RelayAddress address;
  };
  std::vector<Told> relays;
  uint64_t as_of = 0;  // The change of presence that is known.
};

// RelayPresence is the relays that are connected now, and who is told about them: a peer gets two,
// and news only when presence was quiet for a second (spec 7.3).
class RelayPresence {
 public:
  explicit RelayPresence(RandomSource& random) : random_(&random) {}

  // add() registers a relay under the id that its secret gives; nullopt beyond kMaxRelays or for a
  // secret that is empty or too long. One that is known already has moved to `address`.
  std::optional<RelayId> add(Timestamp now, SecretText stamp_secret,
                             const Login::RelayAddress& address);
  void remove(Timestamp now, const RelayId& id);

  // take_quiet() is true once when a quiet period is over: then ask news_for() for everybody.
  bool take_quiet(Timestamp now);
  Wakeup poll_timeout() const;

  // pick() chooses two afresh, for `init` and for a peer whose relays all failed.
  std::vector<RelayDescriptor> pick(RelayMemory& memory, const RelayUser& user);
  // news_for() is what has changed for a peer, if anything. Relays that it has and that are still
  // there stay with it.
  std::optional<RelaysPresence> news_for(RelayMemory& memory, const RelayUser& user);

  size_t size() const { return relays_.size(); }

 private:
  struct Online {
    SecretText stamp_secret;
    Login::RelayAddress address;
  };

  void note_change(Timestamp now);
  void fill(RelayMemory& memory);
  std::vector<RelayDescriptor> describe(const RelayMemory& memory, const RelayUser& user) const;

  RandomSource* random_;
  std::map<RelayId, Online> relays_;
  uint64_t changes_ = 0;
  Timestamp quiet_at_ = Timestamp::never();
  Timestamp latest_at_ = Timestamp::never();
};

}  // namespace connlib::portal::server
