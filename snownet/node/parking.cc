#include "snownet/node/parking.h"

#include <algorithm>
#include <utility>

#include "snownet/ice/candidate_text.h"
#include "snownet/node/limits.h"

namespace connlib::snownet::node {

void Parking::expire(Timestamp now) {
  while (!lots_.empty() && lots_.front().leaves_at <= now) lots_.pop_front();
}

void Parking::add(Timestamp now, PeerId peer, std::string_view line) {
  expire(now);
  if (line.size() > ice::kMaxCandidateTextBytes) return;
  auto lot = std::find_if(lots_.begin(), lots_.end(),
                          [peer](const Lot& each) { return each.peer == peer; });
  if (lot == lots_.end()) {
    if (lots_.size() == kMaxParkedPeers) lots_.pop_front();
    lots_.push_back({peer, now + kParkingTime, {}});
    lot = std::prev(lots_.end());
  }
  if (lot->lines.size() < kMaxParkedCandidates) lot->lines.emplace_back(line);
}

void Parking::remove(PeerId peer, std::string_view line) {
  for (Lot& lot : lots_) {
    if (lot.peer == peer) std::erase(lot.lines, line);
  }
}

std::vector<std::string> Parking::take(Timestamp now, PeerId peer) {
  expire(now);
  const auto lot = std::find_if(lots_.begin(), lots_.end(),
                                [peer](const Lot& each) { return each.peer == peer; });
  if (lot == lots_.end()) return {};
  std::vector<std::string> lines = std::move(lot->lines);
  lots_.erase(lot);
  return lines;
}

}  // namespace connlib::snownet::node
