#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "connlib/base/wakeup.h"
#include "snownet/turn/request.h"

namespace connlib::snownet::turn {

// Transmit is one datagram for the relay. It borrows from its owner until that one's next call.
struct Transmit {
  SocketAddress to;
  std::span<const uint8_t> datagram;
};

// PendingRequests are the requests of one allocation that nothing has answered yet, in the order in
// which they began. It repeats them; what an answer or its absence means is for the owner.
class PendingRequests {
 public:
  // add() sends `request` for the first time. The owner bounds how many there are.
  void add(Request request) { requests_.push_back(std::move(request)); }

  // find() is the request that `message` from `from` claims to answer; nullptr when there is none.
  // Good until the next change. An answer that does not verify must not end it: anybody can send
  // one.
  Request* find(const stun::Message& message, const SocketAddress& from);

  // take() ends `request`, which find() gave, and returns it.
  Request take(Request& request);

  // remove() ends all requests of one purpose, answered or not.
  void remove(Purpose purpose);
  void clear() { requests_.clear(); }

  bool empty() const { return requests_.empty(); }
  bool contains(Purpose purpose) const { return count(purpose) > 0; }
  size_t count(Purpose purpose) const;

  // handle_timeout() ends and returns those that were given up.
  [[nodiscard]] std::vector<Request> handle_timeout(Timestamp now);
  [[nodiscard]] std::optional<Transmit> poll_transmit();
  [[nodiscard]] Wakeup poll_timeout() const;

 private:
  std::vector<Request> requests_;
};

}  // namespace connlib::snownet::turn
