#include "snownet/ice/check_message.h"

#include <algorithm>

#include "connlib/base/check.h"
#include "snownet/stun/message_builder.h"

namespace connlib::snownet::ice {

using stun::MessageBuilder;
using stun::MessageClass;
using stun::Method;

std::optional<CheckRequest> read_check(const stun::Message& message) {
  const auto username = message.username();
  const auto priority = message.priority();
  if (message.type() != stun::MessageType{Method::kBinding, MessageClass::kRequest}) return {};
  if (!username || !priority || !message.has_integrity()) return std::nullopt;
  const size_t colon = username->find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  CheckRequest check{message.transaction_id(), username->substr(0, colon),
                     username->substr(colon + 1)};
  check.priority = *priority;
  if (const auto controlling = message.ice_controlling()) {
    check.role = Role::kControlling;
    check.tie_breaker = *controlling;
  } else if (const auto controlled = message.ice_controlled()) {
    check.role = Role::kControlled;
    check.tie_breaker = *controlled;
  }
  check.use_candidate = message.use_candidate();
  return check;
}

CheckMessage CheckCodec::request(const CheckRequest& check, stun::IntegrityKey& key) {
  // The user fragments come from Credentials, so the name fits.
  std::array<char, 2 * kMaxUfragBytes + 1> name{};
  auto end = std::copy(check.receiver_ufrag.begin(), check.receiver_ufrag.end(), name.begin());
  *end++ = ':';
  end = std::copy(check.sender_ufrag.begin(), check.sender_ufrag.end(), end);
  const std::string_view username(name.data(), static_cast<size_t>(end - name.begin()));

  CheckMessage out;
  MessageBuilder builder(out.storage_, {Method::kBinding, MessageClass::kRequest}, check.id);
  builder.add_username(username).add_priority(check.priority);
  if (check.role == Role::kControlling) builder.add_ice_controlling(check.tie_breaker);
  if (check.role == Role::kControlled) builder.add_ice_controlled(check.tie_breaker);
  if (check.use_candidate) builder.add_use_candidate();
  const auto message = builder.add_integrity(key).add_fingerprint().finish();
  CONNLIB_CHECK(message.has_value());
  out.size_ = message->size();
  return out;
}

CheckMessage CheckCodec::success(const stun::TransactionId& id, const SocketAddress& mapped,
                                 stun::IntegrityKey& key) {
  CheckMessage out;
  MessageBuilder builder(out.storage_, {Method::kBinding, MessageClass::kSuccess}, id);
  const auto message =
      builder.add_xor_mapped_address(mapped).add_integrity(key).add_fingerprint().finish();
  CONNLIB_CHECK(message.has_value());
  out.size_ = message->size();
  return out;
}

CheckMessage CheckCodec::role_conflict(const stun::TransactionId& id, stun::IntegrityKey& key) {
  CheckMessage out;
  MessageBuilder builder(out.storage_, {Method::kBinding, MessageClass::kError}, id);
  const auto message = builder.add_error_code(stun::ErrorCode::kRoleConflict)
                           .add_integrity(key)
                           .add_fingerprint()
                           .finish();
  CONNLIB_CHECK(message.has_value());
  out.size_ = message->size();
  return out;
}

}  // namespace connlib::snownet::ice
