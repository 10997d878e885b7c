// Two ends of our TCP and somebody between them who drops, repeats, changes and invents segments.
// Whatever he does: buffers keep their limits, nobody spins, and every wait ends.
#include <array>
#include <deque>
#include <optional>
#include <vector>

#include "connlib/base/check.h"
#include "connlib/dns/tcp/connection.h"
#include "connlib/packet/ip_packet.h"
#include "tests/fuzz/fuzz_input.h"

namespace connlib::dns::tcp {
namespace {

using Bytes = std::vector<uint8_t>;
using fuzz::FuzzInput;

constexpr size_t kMaxOnWire = 256;
constexpr size_t kMaxSteps = 400;

class Hostile {
 public:
  explicit Hostile(FuzzInput input) : input_(input) {
    const uint32_t sequence = uint32_t{input_.u16()} << 16 | input_.u16();
    ends_[0].emplace(Connection::connect(kAddresses, sequence, now_));
  }

  void run() {
    for (size_t i = 0; i < kMaxSteps && !input_.empty(); ++i) {
      step();
      check();
    }
    finish();
  }

 private:
  static constexpr PacketAddresses kAddresses{{Ipv4Address{{100, 64, 0, 1}}, 50'000},
                                              {Ipv4Address{{100, 64, 0, 2}}, 53}};

  void step() {
    const size_t side = input_.below(2);
    auto& end = ends_[side];
    switch (input_.u8() % 10) {
      case 0:
        if (end) static_cast<void>(end->write(Bytes(input_.u16(), 0x61)));
        break;
      case 1:
        if (end) end->consume(input_.u16());
        break;
      case 2:
        if (end) end->close(now_);
        break;
      case 3:
        invent(side);
        break;
      case 4:
        deliver(input_.below(wire_.size()), false);
        break;
      case 5:
        deliver(input_.below(wire_.size()), true);  // And again later.
        break;
      case 6:
        if (!wire_.empty())
          wire_.erase(wire_.begin() + static_cast<ptrdiff_t>(input_.below(wire_.size())));
        break;
      case 7:
        change(input_.below(wire_.size()));
        break;
      case 8:
        sleep(side);
        break;
      default:
        while (!wire_.empty()) deliver(0, false);
    }
    transmit();
  }

  void transmit() {
    for (size_t side = 0; side < 2; ++side) {
      if (!ends_[side]) continue;
      size_t packets = 0;
      for (;;) {
        std::array<uint8_t, IpPacket::kMaxBytes> buffer{};
        const auto packet = ends_[side]->poll_transmit(now_, buffer);
        if (packet.empty()) break;
        CONNLIB_CHECK(++packets <= 1200);  // A window of the smallest segments, and some.
        if (wire_.size() < kMaxOnWire) wire_.push_back({1 - side, {packet.begin(), packet.end()}});
      }
    }
  }

  void deliver(size_t index, bool stays) {
    if (index >= wire_.size()) return;
    auto [side, bytes] = wire_[index];
    if (!stays) wire_.erase(wire_.begin() + static_cast<ptrdiff_t>(index));
    give(side, bytes);
  }

  void give(size_t side, Bytes& bytes) {
    auto parsed = IpPacket::parse(bytes);
    const auto* packet = std::get_if<IpPacket>(&parsed);
    if (packet == nullptr || !packet->tcp()) return;
    const auto segment = *packet->tcp();
    auto& end = ends_[side];
    if (end && !end->is_closed()) {
      end->handle_segment(now_, segment);
      return;
    }
    const bool opens = segment.has_syn() && !segment.has_ack() && !segment.has_rst();
    if (side == 1 && opens) {
      end.emplace(Connection::accept({kAddresses.to, kAddresses.from}, segment,
                                     uint32_t{input_.u16()} << 16, now_));
      return;
    }
    std::array<uint8_t, IpPacket::kMaxBytes> buffer{};
    const auto reset = write_reset_for(
        side == 0 ? kAddresses : PacketAddresses{kAddresses.to, kAddresses.from}, segment, buffer);
    if (!reset.empty() && wire_.size() < kMaxOnWire) {
      wire_.push_back({1 - side, {reset.begin(), reset.end()}});
    }
  }

  void change(size_t index) {
    if (index >= wire_.size()) return;
    auto& bytes = wire_[index].second;
    bytes[kIpv4MinHeaderBytes + input_.below(bytes.size() - kIpv4MinHeaderBytes)] = input_.u8();
  }

  // A segment out of thin air, near to what the end expects often enough.
  void invent(size_t side) {
    TcpFields fields{.sequence = near(),
                     .acknowledgment = near(),
                     .flags = input_.u8(),
                     .window = input_.u16(),
                     .max_segment_bytes = input_.u16()};
    const auto payload = input_.take(input_.below(64));
    std::array<uint8_t, IpPacket::kMaxBytes> buffer{};
    const auto packet =
        write_tcp(side == 0 ? PacketAddresses{kAddresses.to, kAddresses.from} : kAddresses, fields,
                  payload, buffer);
    Bytes bytes(packet.begin(), packet.end());
    give(side, bytes);
  }
  uint32_t near() {
    if (wire_.empty()) return uint32_t{input_.u16()} << 16 | input_.u16();
    const auto& bytes = wire_[input_.below(wire_.size())].second;
    const size_t at = kIpv4MinHeaderBytes + (input_.u8() % 2 == 0 ? 4 : 8);
    return load_be32(&bytes[at]) + static_cast<uint32_t>(static_cast<int8_t>(input_.u8()));
  }

  void sleep(size_t side) {
    if (!ends_[side]) return;
    const Timestamp at = ends_[side]->poll_timeout().at;
    if (at.is_never()) return;
    now_ = std::max(now_, at);
    for (auto& end : ends_) {
      if (end) end->handle_timeout(now_);
    }
  }

  void check() {
    for (const auto& end : ends_) {
      if (!end) continue;
      CONNLIB_CHECK(end->received().size() <= Connection::kMaxReceivedBytes);
      CONNLIB_CHECK(end->unacknowledged_bytes() <= Connection::kMaxSendBytes);
      // After a drain nothing is due.
      CONNLIB_CHECK(end->poll_timeout().at > now_ || end->poll_timeout().at.is_never());
    }
  }

  // Left alone, with a dead wire, every connection that wants something gives up.
  void finish() {
    for (auto& end : ends_) {
      if (!end) continue;
      size_t naps = 0;
      while (!end->poll_timeout().at.is_never()) {
        CONNLIB_CHECK(++naps < 50);
        now_ = std::max(now_, end->poll_timeout().at);
        end->handle_timeout(now_);
        std::array<uint8_t, IpPacket::kMaxBytes> buffer{};
        while (!end->poll_transmit(now_, buffer).empty()) {
        }
      }
    }
  }

  FuzzInput input_;
  Timestamp now_ = Timestamp::from_nanoseconds(7'777'777'777'777);
  std::array<std::optional<Connection>, 2> ends_;
  std::deque<std::pair<size_t, Bytes>> wire_;
};

}  // namespace
}  // namespace connlib::dns::tcp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  connlib::dns::tcp::Hostile(connlib::fuzz::FuzzInput({data, size})).run();
  return 0;
}
