#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <absl/functional/function_ref.h>
#include <absl/time/time.h>

#include "connlib/base/timestamp.h"
#include "connlib/base/wakeup.h"
#include "connlib/flow/attribution.h"
#include "connlib/flow/flow.h"
#include "connlib/flow/flow_key.h"
#include "connlib/flow/flow_record.h"
#include "connlib/flow/limits.h"
#include "connlib/flow/record_outbox.h"
#include "connlib/flow/sighting.h"
#include "connlib/routing/expiring_table.h"

namespace connlib::flow {

// Observation is one packet that passed: what it is, for whom, which way and over which path.
struct Observation {
  const Attribution& attribution;
  Direction direction = Direction::kToResponder;
  const Sighting& packet;
  std::optional<SocketAddress> outer_source;       // Ours, unless a relay hides it.
  std::optional<SocketAddress> outer_destination;  // The peer's, or the relay's, if it is known.
};

// FlowTracker makes the flow log of one end of the tunnel out of the packets that pass there (spec
// tunnel 7.2). Packets of a known flow on a known path allocate nothing.
//
// Off until enabled. At the limit of flows one ends that would be nearly the first to: every packet
// is in some record, however many flows a peer makes up.
//
// Sans-IO: thread-compatible, `now` never decreases.
class FlowTracker {
 public:
  struct Limits {
    size_t flows = kMaxFlows;
    size_t queued_records = kMaxQueuedRecords;
  };
  // `date` is the wall clock at `now`; records are dated by it, however clocks are set later.
  FlowTracker(Timestamp now, absl::Time date) : FlowTracker(now, date, Limits()) {}
  FlowTracker(Timestamp now, absl::Time date, const Limits& limits);

  // enable() and disable(): whoever has records taken says so. Disabling ends all flows.
  // `batch_size` is of records, 0 stands for the default.
  void enable(size_t batch_size);
  void disable(Timestamp now);
  bool is_enabled() const { return is_enabled_; }

  // attribute() gives an authorization a scope of its own.
  Attribution attribute(SecretText token) { return {ScopeId(++last_scope_), std::move(token)}; }

  // handle_packet() counts a packet. `domain` is asked only when it opens a flow.
  void handle_packet(Timestamp now, const Observation& seen,
                     absl::FunctionRef<std::string()> domain);

  // end_all() is for shutting down.
  void end_all(Timestamp now);

  void handle_timeout(Timestamp now);
  std::optional<FlowBatch> poll_batch() { return outbox_.poll(batch_size_); }
  bool has_batch() const { return !outbox_.empty(); }
  // When the next flow may be idle for too long; early where one went on. Batches are not in it.
  Wakeup poll_timeout() const;

  size_t size() const { return flows_.size(); }
  const RecordOutbox& outbox() const { return outbox_; }
  uint64_t evictions() const { return evictions_; }

 private:
  using Table = routing::ExpiringTable<FlowKey, Flow>;

  void open(Timestamp now, const FlowKey& key, const Observation& seen, std::string domain);
  void count(Timestamp now, Table::Slot slot, const Observation& seen);
  void end(Timestamp at, Table::Slot slot);
  FlowRecord describe(const FlowKey& key, const Flow& flow) const;
  OuterPath path_of(Timestamp now, const Observation& seen) const;
  absl::Time date_of(Timestamp at) const { return date_ + absl::FromChrono(at - start_); }

  Timestamp start_;
  absl::Time date_;
  bool is_enabled_ = false;
  size_t batch_size_ = kDefaultBatchSize;
  uint64_t last_scope_ = 0;
  Table flows_;
  RecordOutbox outbox_;
  uint64_t evictions_ = 0;
};

}  // namespace connlib::flow
