#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "connlib/base/timestamp.h"

namespace connlib::scenarios {

// Happening is what can happen to the connections of a peer.
enum class Happening : uint8_t {
  kRequested,     // The client asked the portal for an authorization,
  kRefused,       // and did not get one.
  kCreated,       // A connection began, perhaps in the place of another one.
  kReused,        // It was authorized anew and is what it was.
  kUpsertFailed,  // Without a relay nothing can be upserted.
  kEstablished,
  kFailed,
  kClosed,
  kForgotten,  // Lost without a word: told by the peer's goodbye, or by the story.
  kNoRelays,
};

// History is all of it, in order.
class History {
 public:
  struct Entry {
    Timestamp at;
    Happening what;
    std::string peer;  // Its id at the portal; empty where it is about nobody.
  };

  void note(Timestamp at, Happening what, std::string peer) {
    entries_.push_back({at, what, std::move(peer)});
  }
  const std::vector<Entry>& entries() const { return entries_; }

  size_t count(Happening what, Timestamp since = Timestamp()) const {
    return static_cast<size_t>(std::count_if(entries_.begin(), entries_.end(), [&](const Entry& e) {
      return e.what == what && e.at >= since;
    }));
  }
  // When it first happened at or after `since`; never() if it did not.
  Timestamp first(Happening what, Timestamp since = Timestamp()) const {
    for (const Entry& entry : entries_) {
      if (entry.what == what && entry.at >= since) return entry.at;
    }
    return Timestamp::never();
  }

  // When it last happened to the connection with `peer`; the epoch if it did not.
  Timestamp last(Happening what, const std::string& peer) const {
    Timestamp at;
    for (const Entry& entry : entries_) {
      if (entry.what == what && entry.peer == peer) at = entry.at;
    }
    return at;
  }

 private:
  std::vector<Entry> entries_;
};

}  // namespace connlib::scenarios
