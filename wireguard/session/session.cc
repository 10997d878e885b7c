#include "wireguard/session/session.h"

namespace connlib::wireguard {

bool SendHalf::seal(std::span<uint8_t> datagram) noexcept {
  if (next_counter_ >= kRejectAfterMessages) return false;
  const uint64_t counter = next_counter_++;
  DataHeader{remote_index_, counter}.write(datagram.first<kDataHeaderBytes>());
  key_.seal(counter, datagram.subspan(kDataHeaderBytes));
  return true;
}

std::variant<std::span<uint8_t>, OpenFailure> ReceiveHalf::open(
    std::span<uint8_t> datagram) noexcept {
  const auto header = DataHeader::parse(datagram);
  if (!header) return OpenFailure::kBadTag;
  if (header->counter >= kRejectAfterMessages) return OpenFailure::kCounterRejected;
  if (!window_.is_acceptable(header->counter)) return OpenFailure::kReplayed;
  const auto sealed = datagram.subspan(kDataHeaderBytes);
  if (!key_.open(header->counter, sealed)) return OpenFailure::kBadTag;
  // Marking comes after authentication, or anybody could burn counters (spec §10).
  if (!window_.mark(header->counter)) return OpenFailure::kReplayed;
  return sealed.first(sealed.size() - kTagBytes);
}

}  // namespace connlib::wireguard
