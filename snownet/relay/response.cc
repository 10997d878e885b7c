#include "snownet/relay/response.h"

#include "connlib/base/check.h"
#include "snownet/relay/limits.h"
#include "snownet/stun/relay_credentials.h"

namespace connlib::snownet::relay {
namespace {

using stun::MessageBuilder;
using stun::MessageClass;

void finish(MessageBuilder& builder, Response& response) {
  const auto message = builder.finish();
  CONNLIB_CHECK(message.has_value());  // Our own attributes, all of bounded size.
  response.size = message->size();
}

size_t on_the_wire(const SocketAddress& to, size_t stun_bytes) {
  constexpr size_t kUdpHeader = 8;
  return stun_bytes + kUdpHeader + (to.ip.is_v4() ? 20U : 40U);
}

}  // namespace

Response error_to_proven(const SocketAddress& to, const stun::Header& request, stun::ErrorCode code,
                         stun::IntegrityKey& key) {
  Response response{.to = to};
  MessageBuilder builder(response.storage, {request.type.method, MessageClass::kError},
                         request.transaction_id);
  builder.add_software(kSoftware).add_error_code(code).add_integrity(key);
  finish(builder, response);
  return response;
}

Response error_to_unproven(const SocketAddress& to, const stun::Header& request,
                           size_t request_bytes, const Refusal& refusal) {
  Response response{.to = to};
  const stun::MessageType type{request.type.method, MessageClass::kError};
  MessageBuilder builder(response.storage, type, request.transaction_id);
  builder.add_error_code(refusal.code, "");
  if (!refusal.unknown.empty()) builder.add_unknown_attributes(refusal.unknown);
  if (refusal.nonce) builder.add_realm(stun::kRelayRealm).add_nonce(refusal.nonce->text());
  if (refusal.key != nullptr) builder.add_integrity(*refusal.key);
  finish(builder, response);
  if (on_the_wire(to, response.size) * kAmplificationDenominator <=
      on_the_wire(to, request_bytes) * kAmplificationNumerator) {
    return response;
  }
  MessageBuilder bare(response.storage, type, request.transaction_id);
  bare.add_error_code(refusal.code, "");
  finish(bare, response);
  return response;
}

Response binding_success(const SocketAddress& to, const stun::TransactionId& id) {
  Response response{.to = to};
  MessageBuilder builder(response.storage, {stun::Method::kBinding, MessageClass::kSuccess}, id);
  builder.add_xor_mapped_address(to);
  finish(builder, response);
  return response;
}

}  // namespace connlib::snownet::relay
