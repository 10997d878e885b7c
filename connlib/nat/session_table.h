#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>

#include <absl/container/flat_hash_map.h>

#include "connlib/base/timestamp.h"
#include "connlib/nat/session.h"
#include "connlib/nat/session_key.h"
#include "connlib/nat/tombstones.h"
#include "connlib/routing/expiring_table.h"

namespace connlib::nat {

// SessionTable is a bijection between insides and outsides of one client's NAT sessions (spec
// tunnel 5.3).
//
//    (source port, proxy, port)   ◄──►   (source port', real address, port)
//
// A new session keeps the client's source port where that is free towards the real address and
// port, and takes another where it is not. At the limit of sessions the one that would expire first
// gives way. Packets of known sessions allocate nothing.
class SessionTable {
 public:
  // Ours, per client. Sessions are fewer than ports, so a search for a free one finds it soon.
  static constexpr size_t kMaxSessions = 16'384;
  static constexpr size_t kMaxTombstones = 4'096;
  // Ours: bounds what a client costs that wants all ports towards one address.
  static constexpr int kNeighboursTried = 64;
  static constexpr int kMaxPortsTried = 1'024;

  struct Limits {
    size_t sessions = kMaxSessions;
    size_t tombstones = kMaxTombstones;
  };
  explicit SessionTable(Timestamp now) : SessionTable(now, Limits()) {}
  SessionTable(Timestamp now, const Limits& limits);

  // translate_outbound() is the outside of a packet to `inside`: that of its session, or of a new
  // one to `real`. A session keeps the address with which it began, whatever `real` is by now.
  // nullopt: no port is free.
  std::optional<SessionKey> translate_outbound(const SessionKey& inside, const IpAddress& real,
                                               const TcpSigns& signs, Timestamp now);

  enum class Miss : uint8_t { kUnknown, kExpired };
  using Inbound = std::variant<SessionKey, Miss>;
  // translate_inbound() is the inside of a packet from `outside`, or of an ICMP error that quotes a
  // packet to it; `signs` are then empty.
  Inbound translate_inbound(const SessionKey& outside, const TcpSigns& signs, Timestamp now);

  // end_all() turns every session into a tombstone.
  void end_all();

  void handle_timeout(Timestamp now);
  // When the next session may expire; early where one was extended.
  Timestamp next_at() const { return sessions_.next_at(); }

  // Whether a session leads through this proxy address.
  bool has_sessions_to(const IpAddress& proxy) const { return by_proxy_.contains(proxy); }

  size_t size() const { return sessions_.size(); }
  size_t tombstone_count() const { return tombstones_.size(); }
  uint64_t evictions() const { return evictions_; }

 private:
  using Table = routing::ExpiringTable<SessionKey, Session>;
  using Slot = Table::Slot;

  // make_free() is false while a session holds `outside`; one that is over does no longer.
  bool make_free(const SessionKey& outside, Timestamp now);
  std::optional<SessionKey> find_free(const SessionKey& inside, const IpAddress& real,
                                      Timestamp now);
  void end(Slot slot);

  Table sessions_;                                     // By inside.
  absl::flat_hash_map<SessionKey, Slot> by_outside_;   // Lookups only.
  absl::flat_hash_map<IpAddress, uint32_t> by_proxy_;  // How many sessions; lookups only.
  Tombstones tombstones_;
  uint64_t evictions_ = 0;
};

}  // namespace connlib::nat
