#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "connlib/base/timestamp.h"
#include "wireguard/noise/handshake.h"
#include "wireguard/session/index_table.h"

namespace connlib::wireguard {

// HandshakeAttempt is an initiation of ours that a response may answer.
struct HandshakeAttempt {
  PendingInitiation pending;
  IndexLease lease;
  Timestamp sent;
};

// HandshakeAttempts are the initiations in flight of one handshake: the latest, and the one before
// it, whose late response still counts (spec §4.1). Each repetition wipes the oldest.
class HandshakeAttempts {
 public:
  bool empty() const { return !latest_; }

  void add(HandshakeAttempt attempt) {
    if (!latest_) began_ = attempt.sent;
    ++count_;
    superseded_ = std::move(latest_);
    latest_ = std::make_unique<HandshakeAttempt>(std::move(attempt));
  }

  // find() is the attempt that a response to `receiver` answers; nullptr when there is none.
  HandshakeAttempt* find(SessionIndex receiver) {
    for (HandshakeAttempt* attempt : {latest_.get(), superseded_.get()}) {
      if (attempt != nullptr && attempt->lease.index() == receiver) return attempt;
    }
    return nullptr;
  }

  // When the first and the latest of these initiations were sent; never() when there is none.
  Timestamp began() const { return began_; }
  Timestamp last_sent() const { return latest_ ? latest_->sent : Timestamp::never(); }
  size_t count() const { return count_; }  // Of this handshake.

  // clear() wipes the attempts: the handshake is complete, or given up.
  void clear() {
    latest_.reset();
    superseded_.reset();
    began_ = Timestamp::never();
    count_ = 0;
  }

 private:
  std::unique_ptr<HandshakeAttempt> latest_;
  std::unique_ptr<HandshakeAttempt> superseded_;
  Timestamp began_ = Timestamp::never();
  size_t count_ = 0;
};

}  // namespace connlib::wireguard
