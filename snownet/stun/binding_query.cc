#include "snownet/stun/binding_query.h"

#include <array>
#include <variant>

#include "snownet/stun/message.h"
#include "snownet/stun/message_builder.h"

namespace connlib::snownet::stun {
namespace {

Transaction binding(RandomSource& random, Timestamp now, const RetransmitPolicy& policy) {
  std::array<uint8_t, 64> out{};
  MessageBuilder builder(out, {Method::kBinding, MessageClass::kRequest},
                         TransactionId::random(random));
  return {*builder.finish(), policy, now};
}

}  // namespace

BindingQuery::BindingQuery(const SocketAddress& server, RandomSource& random, Timestamp now,
                           const RetransmitPolicy& policy)
    : server_(server), transaction_(binding(random, now, policy)) {}

std::optional<SocketAddress> BindingQuery::take_answer(const SocketAddress& from,
                                                       std::span<const uint8_t> datagram) {
  if (is_over() || from != server_) return std::nullopt;
  const auto parsed = parse_message(datagram);
  const auto* message = std::get_if<Message>(&parsed);
  if (message == nullptr || message->cls() != MessageClass::kSuccess ||
      !transaction_.is_answered_by(*message)) {
    return std::nullopt;
  }
  const auto mapped = message->xor_mapped_address();
  is_answered_ = mapped.has_value();
  return mapped;
}

std::optional<std::span<const uint8_t>> BindingQuery::poll_transmit() {
  if (is_over()) return std::nullopt;
  return transaction_.poll_transmit();
}

void BindingQuery::handle_timeout(Timestamp now) {
  if (!is_over()) transaction_.handle_timeout(now);
}

Wakeup BindingQuery::poll_timeout() const {
  return is_over() ? Wakeup::none() : transaction_.poll_timeout();
}

}  // namespace connlib::snownet::stun
