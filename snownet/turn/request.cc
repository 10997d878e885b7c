#include "snownet/turn/request.h"

#include "connlib/base/check.h"

namespace connlib::snownet::turn {
namespace {

using stun::MessageClass;
using stun::Method;

constexpr uint8_t kUdp = 17;
constexpr std::string_view kSoftware = "snownet";

Method method_of(Purpose purpose) {
  switch (purpose) {
    case Purpose::kDiscover:
    case Purpose::kKeepAlive:
      return Method::kBinding;
    case Purpose::kAllocate:
      return Method::kAllocate;
    case Purpose::kRefresh:
    case Purpose::kDelete:
    case Purpose::kRelease:
      return Method::kRefresh;
    case Purpose::kBindChannel:
      return Method::kChannelBind;
  }
  return Method::kBinding;
}

}  // namespace

std::span<const uint8_t> write_request(Purpose purpose, Signing signing,
                                       const std::optional<ChannelBinding>& binding,
                                       Authentication& authentication, RandomSource& random,
                                       std::span<uint8_t, kMaxRequestBytes> out) {
  stun::MessageBuilder builder(out, {method_of(purpose), MessageClass::kRequest},
                               stun::TransactionId::random(random));
  if (purpose == Purpose::kAllocate) {
    builder.add_requested_transport(kUdp).add_additional_address_family(stun::AddressFamily::kIpv6);
  }
  if (purpose == Purpose::kBindChannel) {
    CONNLIB_CHECK(binding.has_value());
    builder.add_xor_peer_address(binding->peer).add_channel_number(binding->number);
  }
  builder.add_software(kSoftware);
  if (purpose == Purpose::kDelete || purpose == Purpose::kRelease) builder.add_lifetime(0s);
  if (signing == Signing::kSigned) authentication.sign(builder);
  const auto message = builder.finish();
  CONNLIB_CHECK(message.has_value());  // Credentials::create() bounds all that has a length.
  return *message;
}

}  // namespace connlib::snownet::turn
