// Control packets from a hostile peer. The first byte chooses: a whole packet as it is, or a type
// and a payload in right framing, which reaches the JSON sooner.
#include <variant>
#include <vector>

#include "connlib/base/check.h"
#include "connlib/control/control_event.h"
#include "connlib/control/control_packet.h"
#include "connlib/model/addressing.h"
#include "tests/fuzz/fuzz_input.h"

namespace connlib::control {
namespace {

std::vector<uint8_t> take_packet(fuzz::FuzzInput& in) {
  const uint8_t choice = in.u8();
  const auto rest = in.take(in.size());
  if ((choice & 1) == 0) return {rest.begin(), rest.end()};
  std::vector<uint8_t> out(IpPacket::kMaxBytes);
  out.resize(write_control_packet(choice >> 1, rest, out).size());
  return out;
}

void check_event(const ControlEvent& event) {
  if (const auto* assigned = std::get_if<AssignedIps>(&event)) {
    CONNLIB_CHECK(!assigned->domain.empty() && assigned->domain.size() <= kMaxDomainBytes);
    CONNLIB_CHECK(!assigned->proxy_ips.empty() && assigned->proxy_ips.size() <= kMaxProxyIps);
    for (const IpAddress& ip : assigned->proxy_ips) {
      CONNLIB_CHECK(kProxyRange.contains(ip) && !kSentinelRange.contains(ip));
    }
  }
  // What we accepted we can also say, unless our spelling of it is longer; and it means the same.
  const auto again = encode_control_event(event);
  if (!again) return;
  CONNLIB_CHECK(is_control_traffic(*again));
  const auto decoded = decode_control_event(*again);
  const auto* same = std::get_if<ControlEvent>(&decoded);
  CONNLIB_CHECK(same != nullptr && *same == event);
}

}  // namespace
}  // namespace connlib::control

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace control = connlib::control;
  connlib::fuzz::FuzzInput in(std::span(data, size));
  const auto packet = control::take_packet(in);
  const auto decoded = control::decode_control_event(packet);
  if (const auto* event = std::get_if<control::ControlEvent>(&decoded)) {
    CONNLIB_CHECK(control::is_control_traffic(packet));
    control::check_event(*event);
  }
  return 0;
}
