#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "connlib/base/ip.h"
#include "connlib/base/random_source.h"
#include "connlib/base/timestamp.h"
#include "connlib/base/wakeup.h"
#include "connlib/client/unique_packet_buffer.h"
#include "connlib/dns/query_id.h"
#include "connlib/model/ids.h"

namespace connlib::client {

// AuthorizationKey is what one request asks for: a resource, or one address in a device pool.
struct AuthorizationKey {
  ResourceId resource;
  std::optional<IpAddress> device{};
  friend auto operator<=>(const AuthorizationKey&, const AuthorizationKey&) = default;
};

// PendingAuthorizations asks the portal for what traffic needs, and keeps that traffic meanwhile
// (spec tunnel 2.5). Per key at most one request leaves in 2 s. The reference asks again only when
// fresh traffic comes; we also ask on a timer while something waits (decisions), because an
// application that sends one packet would otherwise wait for ever for a request that got lost.
//
// Requests for different keys run side by side (lesson bb3c7552d1). An entry lives until it is
// granted or dropped. When there are too many, the key that was quiet for longest gives way.
class PendingAuthorizations {
 public:
  struct Waiting {
    std::vector<UniquePacketBuffer::Packet> packets{};
    std::vector<dns::QueryId> queries{};
  };

  // `random` spreads retries and outlives this.
  explicit PendingAuthorizations(RandomSource& random) : random_(random) {}

  // Traffic that has to wait; want() is for a need without traffic to keep.
  void add_packet(Timestamp now, const AuthorizationKey& key, std::span<const uint8_t> packet);
  void add_query(Timestamp now, const AuthorizationKey& key, dns::QueryId query);
  void want(Timestamp now, const AuthorizationKey& key);

  // The portal answered, and not with a grant. Fresh traffic asks again, the timer does not.
  void handle_refused(const AuthorizationKey& key);

  // What was asked before an outage may never have arrived, so all that waits is asked again.
  void handle_portal(Timestamp now, bool is_connected);
  void handle_timeout(Timestamp now);

  // take() is for grants: what waited, or nullopt when nobody asked (a late duplicate).
  std::optional<Waiting> take(const AuthorizationKey& key);
  std::vector<std::pair<AuthorizationKey, Waiting>> take_devices(const IpAddress& address);

  void drop(const AuthorizationKey& key) { entries_.erase(key); }
  void drop_resource(const ResourceId& resource);  // And every device of it.
  void drop_device(const IpAddress& address);      // In every pool.

  std::optional<AuthorizationKey> poll_request();
  Wakeup poll_timeout() const;

  bool contains(const AuthorizationKey& key) const { return entries_.contains(key); }
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    Entry();
    UniquePacketBuffer packets;
    std::deque<dns::QueryId> queries;  // For the site of the resource.
    Timestamp last_wanted;
    std::optional<Timestamp> last_sent;
    Timestamp retry_at = Timestamp::never();
    int retries = 0;
    bool is_queued = false;  // In requests_.

    bool has_traffic() const { return !packets.empty() || !queries.empty(); }
  };
  using Entries = std::map<AuthorizationKey, Entry>;

  Entry& touch(Timestamp now, const AuthorizationKey& key);
  void ask(Timestamp now, const AuthorizationKey& key, Entry& entry);
  void ask_unless_recent(Timestamp now, const AuthorizationKey& key, Entry& entry);
  Duration retry_delay(int retries);
  static Waiting contents(Entry& entry);

  RandomSource& random_;
  Entries entries_;
  std::deque<AuthorizationKey> requests_;  // May name keys that are gone: those are skipped.
  Timestamp last_now_;
  bool is_portal_connected_ = true;
};

}  // namespace connlib::client
