#include "snownet/turn/pending_requests.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace connlib::snownet::turn {

Request* PendingRequests::find(const stun::Message& message, const SocketAddress& from) {
  const auto found = std::find_if(requests_.begin(), requests_.end(), [&](const Request& request) {
    return request.to == from && request.transaction.is_answered_by(message);
  });
  return found == requests_.end() ? nullptr : &*found;
}

Request PendingRequests::take(Request& request) {
  const auto at = requests_.begin() + (&request - requests_.data());
  Request taken = std::move(*at);
  requests_.erase(at);
  return taken;
}

void PendingRequests::remove(Purpose purpose) {
  std::erase_if(requests_,
                [purpose](const Request& request) { return request.purpose == purpose; });
}

size_t PendingRequests::count(Purpose purpose) const {
  return static_cast<size_t>(
      std::count_if(requests_.begin(), requests_.end(),
                    [purpose](const Request& request) { return request.purpose == purpose; }));
}

std::vector<Request> PendingRequests::handle_timeout(Timestamp now) {
  for (Request& request : requests_) request.transaction.handle_timeout(now);
  const auto silent = std::stable_partition(
      requests_.begin(), requests_.end(),
      [](const Request& request) { return !request.transaction.has_given_up(); });
  std::vector<Request> given_up(std::make_move_iterator(silent),
                                std::make_move_iterator(requests_.end()));
  requests_.erase(silent, requests_.end());
  return given_up;
}

std::optional<Transmit> PendingRequests::poll_transmit() {
  for (Request& request : requests_) {
    if (const auto bytes = request.transaction.poll_transmit()) return Transmit{request.to, *bytes};
  }
  return std::nullopt;
}

Wakeup PendingRequests::poll_timeout() const {
  Wakeup next;
  for (const Request& request : requests_) {
    next = earliest(next, request.transaction.poll_timeout());
  }
  return next;
}

}  // namespace connlib::snownet::turn
