#include "wireguard/cookie/handshake_limiter.h"

#include <algorithm>

namespace connlib::wireguard {
namespace {

constexpr Duration kWindow = 1s;

// IPv4 counts by address, IPv6 by /64: whoever has one address there has all of them.
IpAddress source_key(const IpAddress& source) {
  const auto* six = source.v6();
  if (six == nullptr) return source;
  Ipv6Address network = *six;
  std::fill(network.bytes.begin() + 8, network.bytes.end(), uint8_t{0});
  return network;
}

}  // namespace

void HandshakeLimiter::roll_window(Timestamp now) {
  if (has_window_ && now - window_start_ < kWindow) return;
  has_window_ = true;
  window_start_ = now;
  in_window_ = 0;
  replies_in_window_ = 0;
  claimed_.clear();
  proven_.clear();
}

bool HandshakeLimiter::take(Counts& counts, const IpAddress& source) const {
  const IpAddress key = source_key(source);
  const auto known = counts.find(key);
  if (known == counts.end() && counts.size() >= limits_.sources) return false;
  uint32_t& count = known == counts.end() ? counts[key] : known->second;
  if (count >= limits_.per_source) return false;
  ++count;
  return true;
}

bool HandshakeLimiter::count(Timestamp now, const IpAddress& source) {
  roll_window(now);
  if (in_window_ >= limits_.per_node || !take(claimed_, source)) return false;
  ++in_window_;
  return true;
}

bool HandshakeLimiter::count_proven(Timestamp now, const IpAddress& source) {
  roll_window(now);
  return take(proven_, source);
}

bool HandshakeLimiter::take_cookie_reply(Timestamp now) {
  roll_window(now);
  if (replies_in_window_ >= limits_.cookie_replies) return false;
  ++replies_in_window_;
  return true;
}

}  // namespace connlib::wireguard
