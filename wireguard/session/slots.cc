#include "wireguard/session/slots.h"

#include <algorithm>
#include <utility>

namespace connlib::wireguard {

void SessionSlots::drop(std::unique_ptr<Session> session) {
  if (heard_ && heard_->lease.index() != last_heard_) heard_.reset();
  if (session && session->lease.index() == last_heard_) heard_ = std::move(session);
}

void SessionSlots::add_initiated(std::unique_ptr<Session> session) {
  drop(std::move(previous_));
  if (next_) drop(std::exchange(current_, std::move(next_)));
  previous_ = std::move(current_);
  current_ = std::move(session);
}

void SessionSlots::add_responded(std::unique_ptr<Session> session) {
  drop(std::move(previous_));
  next_ = std::move(session);
}

bool SessionSlots::confirm(const Session& used) {
  if (next_.get() != &used) return false;
  drop(std::move(previous_));
  previous_ = std::move(current_);
  current_ = std::move(next_);
  return true;
}

std::vector<SessionIndex> SessionSlots::indices() const {
  std::vector<SessionIndex> out;
  for (const auto* slot : {&heard_, &previous_, &current_, &next_}) {
    if (*slot) out.push_back((*slot)->lease.index());
  }
  return out;
}

Session* SessionSlots::find(SessionIndex local_index) noexcept {
  for (const auto* slot : {&current_, &next_, &previous_, &heard_}) {
    if (*slot && (*slot)->lease.index() == local_index) return slot->get();
  }
  return nullptr;
}

SessionSlots::CurrentLost SessionSlots::remove_expired(Timestamp now) {
  CurrentLost lost = CurrentLost::kNo;
  if (current_ && !current_->is_alive(now)) {
    lost =
        current_->role == Role::kInitiator ? CurrentLost::kAsInitiator : CurrentLost::kAsResponder;
  }
  for (auto* slot : {&heard_, &previous_, &current_, &next_}) {
    if (*slot && !(*slot)->is_alive(now)) slot->reset();
  }
  return lost;
}

Timestamp SessionSlots::next_expiry() const {
  Timestamp earliest = Timestamp::never();
  for (const auto* slot : {&heard_, &previous_, &current_, &next_}) {
    if (*slot) earliest = std::min(earliest, (*slot)->expires_at());
  }
  return earliest;
}

void SessionSlots::clear() {
  heard_.reset();
  previous_.reset();
  current_.reset();
  next_.reset();
}

}  // namespace connlib::wireguard
