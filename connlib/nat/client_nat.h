#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "connlib/base/deadline_heap.h"
#include "connlib/base/ip.h"
#include "connlib/base/random_source.h"
#include "connlib/base/timestamp.h"
#include "connlib/base/wakeup.h"
#include "connlib/model/ids.h"
#include "connlib/nat/domain_key.h"
#include "connlib/nat/domain_state.h"

namespace connlib::nat {

inline constexpr size_t kHeldPacketsPerDomain = 32;  // For whoever holds them (spec tunnel 13).

// ClientNat tells gateways which proxy addresses stand for which names, and when packets may go to
// them (spec tunnel 4.3). It decides and keeps no packets: whoever asks handle_outgoing() holds
// what must wait, per key, until an event says what becomes of it.
//
//    packet to a proxy ─► handle_outgoing() ─► pass, or hold
//    AssignedIps ◄─────── poll_transmit()
//    DomainStatus ──────► handle_status() ──► poll_event(): release or discard what is held
class ClientNat {
 public:
  static constexpr size_t kMaxDomains = 16'384;  // Ours. Beyond it packets pass and earn an error.

  explicit ClientNat(RandomSource& random, size_t max_domains = kMaxDomains)
      : random_(random), max_domains_(max_domains) {}

  // update() is for every assigned name of an authorized resource, when a name was looked up or an
  // authorization arrived. False, and nothing changed, for a new one beyond the limit, or when the
  // name is too long for a packet.
  bool update(Timestamp now, const DomainKey& key, std::span<const IpAddress> proxies);
  // recreate() comes before it, for the name that was looked up: all its resources at all gateways.
  void recreate(std::string_view domain);

  enum class Verdict : uint8_t {
    kPass,
    kPassUntilChange,  // And so do all that follow: ask again when version() is another.
    kHold,
  };
  // handle_outgoing() allocates nothing. Unknown keys pass.
  Verdict handle_outgoing(Timestamp now, const DomainKeyView& key);
  void handle_status(const DomainKeyView& key, bool is_active);

  void remove_gateway(const GatewayId& gateway);  // Its connection is gone.
  void remove_resource(const ResourceId& resource);

  void handle_timeout(Timestamp now);
  Wakeup poll_timeout() const;

  struct Request {
    GatewayId gateway;
    std::vector<uint8_t> packet;  // A control packet, to be sent inside the tunnel.
  };
  std::optional<Request> poll_transmit();

  struct Event {
    enum class Kind : uint8_t { kRelease, kDiscard };  // Route what is held anew; drop it.
    Kind kind{};
    DomainKey key;
  };
  std::optional<Event> poll_event();

  uint64_t version() const { return version_; }
  size_t size() const { return domains_.size(); }

 private:
  struct Domain {
    DomainState state;
    std::vector<IpAddress> proxies;
    std::vector<uint8_t> packet;
    uint32_t id;             // Its place in by_id_, and its name in retries_.
    bool is_queued = false;  // In requests_.
  };
  using Domains = std::map<DomainKey, Domain, DomainKeyLess>;

  bool insert(const DomainKey& key, std::span<const IpAddress> proxies);
  // note_changes() follows every call into a state: queues its request, moves its deadline.
  void note_changes(Domains::iterator at);
  template <typename Predicate>
  void remove_if(const Predicate& is_gone);

  RandomSource& random_;
  size_t max_domains_;
  Domains domains_;
  std::vector<Domains::iterator> by_id_;
  std::vector<uint32_t> free_ids_;
  DeadlineHeap retries_;
  Timestamp last_now_{};
  uint64_t version_ = 0;
  std::deque<DomainKey> requests_;  // Each at most once: those whose request is due.
  std::deque<Event> events_;        // At most one per key that held packets.
};

}  // namespace connlib::nat
