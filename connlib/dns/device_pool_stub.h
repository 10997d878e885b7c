#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <absl/container/btree_map.h>

#include "connlib/base/ip.h"
#include "connlib/base/timestamp.h"
#include "connlib/base/wakeup.h"
#include "connlib/dns/header.h"
#include "connlib/dns/message.h"
#include "connlib/dns/pattern_index.h"
#include "connlib/dns/query_id.h"
#include "connlib/model/ids.h"

namespace connlib::dns {

// DevicePoolStub answers names of dynamic device pools (spec tunnel 3.6): the portal knows which
// device stands behind a name. A and AAAA share one request to it, and everyone who asks meanwhile
// is answered by it.
class DevicePoolStub {
 public:
  static constexpr Duration kResolutionTimeout = 5s;  // spec tunnel 3.6
  static constexpr Duration kResultLifetime = 5min;   // Ours: a device may get other addresses.
  static constexpr size_t kMaxResults = 1024;         // Ours: more are answered, not kept.
  static constexpr size_t kMaxPending = 256;          // Ours: beyond, SERVFAIL at once.
  static constexpr size_t kMaxWaiters = 64;           // Ours, per name: beyond, SERVFAIL at once.

  struct Answer {
    ResponseCode code = ResponseCode::kNoError;
    std::optional<IpAddress> address{};
  };
  struct NotOurs {};
  struct Waiting {};
  using Decision = std::variant<NotOurs, Waiting, Answer>;

  // What the portal is to be asked: `resolve_device_pool_domain`.
  struct Request {
    ResourceId pool;
    std::string domain;
    friend bool operator==(const Request&, const Request&) = default;
  };
  struct Resolved {
    QueryId query;
    Answer answer;
  };
  enum class Failure : uint8_t { kNotFound, kOther };

  // add() adds a pool, or gives it another pattern: then its results are void. False when `pattern`
  // is none. Removing a pool answers its waiters with SERVFAIL.
  bool add(const ResourceId& pool, std::string_view pattern);
  void remove(const ResourceId& pool);

  // handle_query() answers, or remembers `query` until poll_answer() gives it back.
  Decision handle_query(Timestamp now, const Question& question, QueryId query);

  // The portal's answers. What nobody waits for is ignored.
  void handle_resolved(Timestamp now, const Request& request, std::optional<Ipv4Address> v4,
                       std::optional<Ipv6Address> v6);
  void handle_failed(const Request& request, Failure failure);

  void handle_timeout(Timestamp now);
  Wakeup poll_timeout() const;
  std::optional<Request> poll_request();
  std::optional<Resolved> poll_answer();

 private:
  struct Key {
    ResourceId pool;
    std::string lowered_name;  // Wire form.
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Waiter {
    QueryId query;
    IpFamily family = IpFamily::kV4;
  };
  struct Pending {
    Timestamp deadline;
    std::vector<Waiter> waiters;
  };
  struct Result {
    Timestamp expires_at;
    std::optional<Ipv4Address> v4;
    std::optional<Ipv6Address> v6;
    Answer answer(IpFamily family) const;
  };

  static std::optional<Key> key_of(const Request& request);
  void fail(const Pending& pending, ResponseCode code);

  PatternIndex<ResourceId> index_;
  absl::btree_map<ResourceId, Pattern> pools_;
  absl::btree_map<Key, Pending> pending_;
  absl::btree_map<Key, Result> results_;
  std::deque<Request> requests_;  // At most one per pending name.
  std::deque<Resolved> answers_;  // At most one per waiter.
  Timestamp last_now_;
};

}  // namespace connlib::dns
