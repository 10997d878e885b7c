#include "tests/interop/ice_agent/stun_query.h"

#include <array>
#include <variant>

#include "snownet/stun/message.h"
#include "snownet/stun/message_builder.h"

namespace connlib::interop {
namespace {

namespace stun = snownet::stun;

stun::Transaction binding(RandomSource& random, Timestamp now) {
  std::array<uint8_t, 64> out{};
  stun::MessageBuilder builder(out, {stun::Method::kBinding, stun::MessageClass::kRequest},
                               stun::TransactionId::random(random));
  return {*builder.finish(), stun::kRelayRetransmission, now};
}

}  // namespace

StunQuery::StunQuery(const SocketAddress& server, RandomSource& random, Timestamp now)
    : server_(server), transaction_(binding(random, now)) {}

std::optional<SocketAddress> StunQuery::take_answer(const SocketAddress& from,
                                                    std::span<const uint8_t> datagram) {
  if (is_answered_ || from != server_) return std::nullopt;
  const auto parsed = stun::parse_message(datagram);
  const auto* message = std::get_if<stun::Message>(&parsed);
  if (message == nullptr || !transaction_.is_answered_by(*message)) return std::nullopt;
  const auto mapped = message->xor_mapped_address();
  is_answered_ = mapped.has_value();
  return mapped;
}

std::optional<std::span<const uint8_t>> StunQuery::poll_transmit() {
  if (is_over()) return std::nullopt;
  return transaction_.poll_transmit();
}

void StunQuery::handle_timeout(Timestamp now) {
  if (!is_over()) transaction_.handle_timeout(now);
}

Wakeup StunQuery::poll_timeout() const {
  return is_over() ? Wakeup::none() : transaction_.poll_timeout();
}

}  // namespace connlib::interop
