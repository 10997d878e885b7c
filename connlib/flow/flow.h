#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <absl/container/inlined_vector.h>

#include "connlib/base/timestamp.h"
#include "connlib/flow/flow_key.h"
#include "connlib/flow/limits.h"
#include "connlib/flow/outer_path.h"
#include "connlib/flow/sighting.h"

namespace connlib::flow {

// Flow counts the packets between two ends, and says when they are another flow's.
class Flow {
 public:
  Flow() = default;
  Flow(Timestamp now, std::string domain)
      : start_(now), last_packet_(now), domain_(std::move(domain)) {}

  // splits(): the packet belongs to the next flow between the same ends. A connection begins on
  // ports that carried another (a SYN that is merely sent again does not, lesson 6c3c32805d), or
  // this flow has been on too many paths.
  bool splits(const Sighting& packet, bool is_on_new_path) const {
    const bool begins_anew = packet.opens_connection() && has_more_than_syn_;
    return begins_anew || (is_on_new_path && outers_.size() >= kMaxOuterPaths);
  }
  // is_on_path(): where nothing is known of the path, nothing is new about it.
  bool is_on_path(const std::optional<SocketAddress>& from,
                  const std::optional<SocketAddress>& to) const {
    return !to || (!outers_.empty() && outers_.back().leads_as(from, *to));
  }
  void add_path(const OuterPath& path) { outers_.push_back(path); }

  void count(Timestamp now, const Sighting& packet, Direction direction) {
    last_packet_ = now;
    Counters& counters = direction == Direction::kToResponder ? tx_ : rx_;
    ++counters.packets;
    counters.bytes += packet.payload_bytes;
    counters.has_fin = counters.has_fin || packet.has_fin;
    was_reset_ = was_reset_ || packet.has_rst;
    has_more_than_syn_ = has_more_than_syn_ || !packet.has_syn;
  }

  // is_over(): a FIN went both ways, or a RST either way.
  bool is_over() const { return was_reset_ || (tx_.has_fin && rx_.has_fin); }
  Timestamp expires_at() const { return last_packet_ + kIdleClose; }

  struct Counters {
    uint64_t packets = 0;
    uint64_t bytes = 0;
    bool has_fin = false;
  };
  Timestamp start() const { return start_; }
  Timestamp last_packet() const { return last_packet_; }
  const Counters& tx() const { return tx_; }
  const Counters& rx() const { return rx_; }
  const std::string& domain() const { return domain_; }
  const auto& outers() const { return outers_; }

 private:
  Timestamp start_{};
  Timestamp last_packet_{};
  Counters tx_;
  Counters rx_;
  bool has_more_than_syn_ = false;
  bool was_reset_ = false;
  std::string domain_;
  absl::InlinedVector<OuterPath, 1> outers_;
};

}  // namespace connlib::flow
