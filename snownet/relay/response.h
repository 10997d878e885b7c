#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "connlib/base/ip.h"
#include "snownet/relay/nonce_source.h"
#include "snownet/stun/attribute_type.h"
#include "snownet/stun/error_code.h"
#include "snownet/stun/integrity.h"
#include "snownet/stun/message.h"
#include "snownet/stun/message_builder.h"

namespace connlib::snownet::relay {

inline constexpr std::string_view kSoftware = "connlib-relay";
inline constexpr size_t kMaxResponseBytes = 192;  // A 420 with 32 attributes, signed, has 120.

// Response is one STUN message on its way to a client.
struct Response {
  SocketAddress to;
  std::array<uint8_t, kMaxResponseBytes> storage{};
  size_t size = 0;
  std::span<const uint8_t> bytes() const { return std::span(storage).first(size); }
};

// error_to_proven() answers a request whose integrity was right.
Response error_to_proven(const SocketAddress& to, const stun::Header& request, stun::ErrorCode code,
                         stun::IntegrityKey& key);

struct Refusal {
  stun::ErrorCode code{};
  std::optional<Nonce> nonce;  // With it goes the REALM.
  std::span<const stun::AttributeType> unknown;
  stun::IntegrityKey* key = nullptr;  // Signs, when the request named somebody.
};

// error_to_unproven() answers a request that proved nothing, `request_bytes` long, in as few bytes
// as possible: no SOFTWARE, no reason phrase. When even that would be more than the amplification
// bound allows, only the code remains.
Response error_to_unproven(const SocketAddress& to, const stun::Header& request,
                           size_t request_bytes, const Refusal& refusal);

// success() lets `fill` add attributes between SOFTWARE and MESSAGE-INTEGRITY.
template <typename Fill>
Response success(const SocketAddress& to, stun::Method method, const stun::TransactionId& id,
                 stun::IntegrityKey& key, Fill&& fill) {
  Response response{.to = to};
  stun::MessageBuilder builder(response.storage, {method, stun::MessageClass::kSuccess}, id);
  builder.add_software(kSoftware);
  fill(builder);
  builder.add_integrity(key);
  response.size = builder.finish().value_or(std::span<uint8_t>()).size();
  return response;
}

// binding_success() is for everybody: neither SOFTWARE nor integrity.
Response binding_success(const SocketAddress& to, const stun::TransactionId& id);

}  // namespace connlib::snownet::relay
