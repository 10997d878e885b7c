#pragma once

#include <cstddef>
#include <cstdint>

#include "connlib/base/timestamp.h"
#include "connlib/base/wakeup.h"
#include "connlib/routing/expiring_table.h"
#include "connlib/routing/flow_key.h"

namespace connlib::routing {

// ConnectionTracker remembers who opened the flows between us and one other client (spec tunnel
// 7.1). Replies within our own flows pass whatever the peer may send of its own accord; replies to
// the peer's flows reach it whatever we may send. A reply never turns a flow into our own, so what
// was revoked ends in the middle of a flow.
//
//    packet to the peer     note_reply() ? it is the peer's flow : may we? then note_ours()
//    packet from the peer   note_return() ? it is our flow : may it? then note_peers()
//    ICMP error             is_ours() or is_peers() of the flow it quotes; it extends nothing
//
// Per direction a limited number of flows: at the limit the one that would expire first gives way,
// so that a peer that floods us loses flows of its own making, and idle datagrams before TCP.
class ConnectionTracker {
 public:
  // Ours. Of each direction, per peer.
  static constexpr size_t kMaxFlows = 8192;

  explicit ConnectionTracker(Timestamp now, size_t max_flows = kMaxFlows);

  // note_ours() records or extends a flow that we may have towards the peer.
  void note_ours(const FlowKey& flow, Timestamp now) { note(ours_, flow, now); }
  // note_peers() records or extends a flow that the peer may have towards us.
  void note_peers(const FlowKey& flow, Timestamp now) { note(peers_, flow, now); }

  // note_reply() extends the peer's flow that a packet of ours belongs to, and says whether there
  // is one; note_return() does so for our flow and a packet of the peer's.
  bool note_reply(const FlowKey& flow, Timestamp now) { return extend(peers_, flow, now); }
  bool note_return(const FlowKey& flow, Timestamp now) { return extend(ours_, flow, now); }

  bool is_ours(const FlowKey& flow, Timestamp now) const { return is_alive(ours_, flow, now); }
  bool is_peers(const FlowKey& flow, Timestamp now) const { return is_alive(peers_, flow, now); }

  void handle_timeout(Timestamp now);
  Wakeup poll_timeout() const;

  size_t size() const { return ours_.size() + peers_.size(); }
  uint64_t evictions() const { return evictions_; }

 private:
  struct Flow {
    Timestamp last_seen{};
    Duration lifetime{};
    Timestamp expires_at() const { return last_seen + lifetime; }
  };
  using Table = ExpiringTable<FlowKey, Flow>;

  void note(Table& table, const FlowKey& flow, Timestamp now);
  static bool extend(Table& table, const FlowKey& flow, Timestamp now);
  static bool is_alive(const Table& table, const FlowKey& flow, Timestamp now);

  Table ours_;
  Table peers_;
  uint64_t evictions_ = 0;
};

}  // namespace connlib::routing
