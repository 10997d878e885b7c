#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <variant>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/base/random_source.h"
#include "connlib/dns/tcp/connection.h"
#include "connlib/packet/ip_packet.h"

namespace connlib::dns::tcp {

// Wire carries packets between two ends of a test, as badly as it is told to.
class Wire {
 public:
  struct Faults {
    uint64_t lost_percent = 0;
    uint64_t doubled_percent = 0;
    Duration delay = 10ms;
    Duration jitter{};  // Enough of it reorders.
  };

  Wire(uint64_t seed, const Faults& faults) : random_(seed), faults_(faults) {}
  void set_faults(const Faults& faults) { faults_ = faults; }

  void send(Timestamp now, int to, std::span<const uint8_t> packet) {
    ++sent_;
    uint64_t copies = random_.below(100) < faults_.lost_percent ? 0 : 1;
    if (random_.below(100) < faults_.doubled_percent) ++copies;
    for (; copies > 0; --copies) {
      const auto jitter = static_cast<uint64_t>(faults_.jitter.count());
      const Duration extra(static_cast<int64_t>(random_.below(jitter + 1)));
      packets_.emplace(now + faults_.delay + extra,
                       std::pair(to, std::vector<uint8_t>(packet.begin(), packet.end())));
    }
  }
  Timestamp next_at() const {
    return packets_.empty() ? Timestamp::never() : packets_.begin()->first;
  }
  // The next packet that is due, and for which end.
  std::optional<std::pair<int, std::vector<uint8_t>>> receive(Timestamp now) {
    if (next_at() > now) return std::nullopt;
    auto out = std::move(packets_.begin()->second);
    packets_.erase(packets_.begin());
    return out;
  }
  size_t sent() const { return sent_; }

 private:
  SeededRandom random_;
  Faults faults_;
  std::multimap<Timestamp, std::pair<int, std::vector<uint8_t>>> packets_;
  size_t sent_ = 0;
};

// segment_of() is the TCP segment of a packet that one of us wrote.
inline IpPacket packet_of(std::span<uint8_t> bytes) {
  auto parsed = IpPacket::parse(bytes);
  REQUIRE(std::holds_alternative<IpPacket>(parsed));
  return std::get<IpPacket>(parsed);
}
inline TcpSegment segment_of(std::span<uint8_t> bytes) { return *packet_of(bytes).tcp(); }

}  // namespace connlib::dns::tcp
