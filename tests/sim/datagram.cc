#include "tests/sim/datagram.h"

#include <fmt/format.h>

#include "tests/sim/digest.h"

namespace connlib::sim {

std::string_view reason_name(DropReason reason) {
  switch (reason) {
    case DropReason::kLost:
      return "lost";
    case DropReason::kCut:
      return "cut";
    case DropReason::kTooBig:
      return "too big";
    case DropReason::kUnroutable:
      return "unroutable";
    case DropReason::kNoSuchSource:
      return "no such source";
    case DropReason::kNoMapping:
      return "no mapping";
    case DropReason::kFiltered:
      return "filtered";
    case DropReason::kNatTableFull:
      return "NAT table full";
    case DropReason::kHairpinRefused:
      return "hairpin refused";
    case DropReason::kUdpBlocked:
      return "UDP blocked";
    case DropReason::kHostAsleep:
      return "host asleep";
    case DropReason::kNoSocket:
      return "no socket";
    case DropReason::kCount:
      break;
  }
  return "?";
}

std::string describe(const Datagram& datagram) {
  Digest digest;
  digest.add(datagram.bytes);
  return fmt::format("{}>{} {}B #{:08x}{}", to_text(datagram.source), to_text(datagram.destination),
                     datagram.bytes.size(), static_cast<uint32_t>(digest.value()),
                     datagram.ecn == Ecn::kCe ? " CE" : "");
}

}  // namespace connlib::sim
