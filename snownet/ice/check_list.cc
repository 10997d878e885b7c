#include "snownet/ice/check_list.h"

#include <algorithm>

#include "snownet/ice/priority.h"

namespace connlib::snownet::ice {
namespace {

constexpr size_t kPairsAtOnce = 2;

bool is_protected(const CandidatePair& pair) {
  return pair.has_succeeded() || pair.nomination() != 0;
}

}  // namespace

CandidatePair* CheckList::form(const Candidate& local, const Candidate& remote, Timestamp now) {
  const Path path{local.base, remote.address};
  if (local.address.ip.family() != remote.address.ip.family()) return nullptr;
  if (CandidatePair* known = find(path)) {
    if (known->local() == local && known->remote() == remote) return known;
    known->set_candidates(local, remote, role_);
  } else {
    if (pairs_.size() >= kMaxPairs &&
        !make_room_for(pair_priority(role_, local.priority, remote.priority))) {
      return nullptr;
    }
    // Not twice as many: most lists are as long as they get after a second, and there are many.
    if (pairs_.size() == pairs_.capacity()) pairs_.reserve(pairs_.size() + kPairsAtOnce);
    pairs_.emplace_back(local, remote, role_, now);
  }
  sort();
  return find(path);
}

bool CheckList::make_room_for(uint64_t priority) {
  const auto last = [this](auto&& matches) {
    return std::find_if(pairs_.rbegin(), pairs_.rend(), matches);
  };
  auto victim = last([](const CandidatePair& pair) { return !pair.is_alive(); });
  if (victim == pairs_.rend()) {
    victim = last([](const CandidatePair& pair) { return !is_protected(pair); });
    if (victim == pairs_.rend() || victim->priority() >= priority) return false;
  }
  pairs_.erase(std::next(victim).base());
  return true;
}

CandidatePair* CheckList::find(const Path& path) {
  const auto found = std::find_if(pairs_.begin(), pairs_.end(),
                                  [&](const CandidatePair& pair) { return pair.path() == path; });
  return found == pairs_.end() ? nullptr : &*found;
}

const CandidatePair* CheckList::find(const Path& path) const {
  const auto found = std::find_if(pairs_.begin(), pairs_.end(),
                                  [&](const CandidatePair& pair) { return pair.path() == path; });
  return found == pairs_.end() ? nullptr : &*found;
}

void CheckList::remove_from(const SocketAddress& local_base) {
  std::erase_if(pairs_, [&](const CandidatePair& pair) { return pair.path().local == local_base; });
}

void CheckList::remove_to(const SocketAddress& remote) {
  std::erase_if(pairs_, [&](const CandidatePair& pair) { return pair.path().remote == remote; });
}

void CheckList::set_role(Role role) {
  role_ = role;
  for (CandidatePair& pair : pairs_) {
    pair.set_role(role);
    pair.clear_nomination();
  }
  sort();
}

void CheckList::set_timing(const Timing& timing) {
  for (CandidatePair& pair : pairs_) pair.set_timing(timing);
}

void CheckList::sort() {
  std::sort(pairs_.begin(), pairs_.end(), [](const CandidatePair& a, const CandidatePair& b) {
    if (a.priority() != b.priority()) return a.priority() > b.priority();
    return a.path() < b.path();
  });
}

}  // namespace connlib::snownet::ice
