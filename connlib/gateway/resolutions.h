#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connlib/base/ip.h"
#include "connlib/base/strong.h"
#include "connlib/base/timestamp.h"
#include "connlib/model/ids.h"

namespace connlib::gateway {

// ResolutionId names one question to the shell's resolver, and is never used twice.
using ResolutionId = Strong<struct ResolutionIdTag, uint64_t>;

// ResolutionWaiter is a client that assigned proxy addresses to a domain, and wants them to lead
// somewhere. `domain` is spelled as the client spelled it, because the answer must name it so.
struct ResolutionWaiter {
  ClientId client;
  ResourceId resource;
  std::string domain;
  std::vector<IpAddress> proxies;
  bool wants_answer = true;  // Not when we ask for it, because a TTL has passed.
  friend bool operator==(const ResolutionWaiter&, const ResolutionWaiter&) = default;
};

// Resolutions is what the shell is resolving, and for whom. Identical questions are asked once:
// clients repeat theirs every two seconds until answered, and many ask for the same names.
//
// An entry lives until its answer or its timeout, also when nobody waits any more: the shell works
// on it, so it counts.
class Resolutions {
 public:
  struct Limits {
    size_t total;
    size_t per_client;
    Duration timeout;
  };
  explicit Resolutions(const Limits& limits) : limits_(limits) {}

  enum class Asked : uint8_t {
    kStarted,  // `id` goes to the shell.
    kJoined,   // The question is on its way already.
    kTooMany,  // Nothing; the client will ask again.
  };
  struct Asking {
    Asked what = Asked::kTooMany;
    ResolutionId id{};
  };
  // ask() with a client, resource and domain that wait already takes the later proxies, and answers
  // if either wants that.
  Asking ask(Timestamp now, ResolutionWaiter waiter);

  // take() ends a resolution and gives who waited for it, in the order of asking. Empty for an id
  // that is not, or no longer, known.
  std::vector<ResolutionWaiter> take(ResolutionId id);

  // take_overdue() ends the resolutions that the shell should have answered by `now`.
  std::vector<ResolutionWaiter> take_overdue(Timestamp now);

  // forget() drops what `client` waits for.
  void forget(const ClientId& client);

  Timestamp next_timeout() const;  // never() without any.
  size_t size() const { return by_id_.size(); }

 private:
  struct Entry {
    std::string key;
    Timestamp asked_at;
    std::vector<ResolutionWaiter> waiters;
  };

  bool join(Entry& entry, ResolutionWaiter& waiter);
  bool has_room(const ClientId& client) const;
  void count_down(const ClientId& client);

  Limits limits_;
  uint64_t last_id_ = 0;
  std::map<ResolutionId, Entry> by_id_;  // Ids grow with time: the oldest comes first.
  std::map<std::string, ResolutionId, std::less<>> by_domain_;
  std::map<ClientId, size_t> waiting_;  // Per client; absent means none.
};

}  // namespace connlib::gateway
