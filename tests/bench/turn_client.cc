#include "tests/bench/turn_client.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include "connlib/base/check.h"
#include "shells/linux/socket_address.h"

namespace connlib::bench {
namespace {

namespace stun = snownet::stun;

constexpr int kTries = 4;
constexpr int kPortTries = 20;
constexpr int kPatienceMs = 500;
constexpr uint8_t kUdp = 17;

IpAddress any_of(IpFamily family) {
  return family == IpFamily::kV4 ? IpAddress(Ipv4Address{}) : IpAddress(Ipv6Address{});
}

}  // namespace

std::unique_ptr<shells::UdpSocket> open_socket(const IpAddress& address, bool is_small) {
  auto socket = shells::UdpSocket::open({.family = address.family(),
                                         .address = address,
                                         .send_buffer_bytes = is_small ? 1 << 16 : 4 << 20,
                                         .receive_buffer_bytes = is_small ? 1 << 16 : 64 << 20,
                                         .has_buffers = !is_small});
  if (!socket.ok()) {
    fmt::print(stderr, "relay_load: {}\n", std::string(socket.status().message()));
    std::exit(1);  // NOLINT(concurrency-mt-unsafe): one thread.
  }
  return *std::move(socket);
}

TurnClient::TurnClient(const SocketAddress& relay, const snownet::turn::Credentials& credentials,
                       RandomSource& random, bool is_small)
    : relay_(relay),
      authentication_(credentials.clone()),
      random_(random),
      socket_(open_socket(any_of(relay.ip.family()), is_small)) {}

std::optional<SocketAddress> TurnClient::allocate() {
  const auto reply = ask(stun::Method::kAllocate, [](stun::MessageBuilder& builder) {
    builder.add_requested_transport(kUdp);
  });
  return reply ? reply->xor_relayed_address(relay_.ip.family()) : std::nullopt;
}

bool TurnClient::bind(stun::ChannelNumber channel, const SocketAddress& peer) {
  return ask(stun::Method::kChannelBind,
             [&](stun::MessageBuilder& builder) {
               builder.add_channel_number(channel).add_xor_peer_address(peer);
             })
      .has_value();
}

bool TurnClient::release() {
  return ask(stun::Method::kRefresh,
             [](stun::MessageBuilder& builder) { builder.add_lifetime(std::chrono::seconds(0)); })
      .has_value();
}

template <typename Add>
std::optional<stun::Message> TurnClient::ask(stun::Method method, const Add& add) {
  for (int challenges = 0; challenges < 2; ++challenges) {
    std::array<uint8_t, 1024> buffer{};
    const auto id = stun::TransactionId::random(random_);
    stun::MessageBuilder builder(buffer, {method, stun::MessageClass::kRequest}, id);
    add(builder);
    if (authentication_.has_nonce()) authentication_.sign(builder);
    const auto request = builder.finish();
    CONNLIB_CHECK(request.has_value());
    auto reply = exchange(*request, id);
    refusal_ = std::nullopt;
    if (!reply || reply->cls() == stun::MessageClass::kSuccess) return reply;
    if (const auto error = reply->error()) refusal_ = error->code;
    if (!authentication_.take_challenge(*reply)) return std::nullopt;
  }
  return std::nullopt;
}

std::optional<stun::Message> TurnClient::exchange(std::span<const uint8_t> request,
                                                  const stun::TransactionId& id) {
  sockaddr_storage to{};
  const socklen_t length = shells::to_native(relay_, to);
  for (int i = 0; i < kTries; ++i) {
    if (sendto(socket_->fd(), request.data(), request.size(), 0,
               reinterpret_cast<const sockaddr*>(&to), length) < 0) {
      return std::nullopt;
    }
    for (pollfd waiting{socket_->fd(), POLLIN, 0}; poll(&waiting, 1, kPatienceMs) == 1;) {
      const ssize_t size = recv(socket_->fd(), reply_.data(), reply_.size(), MSG_DONTWAIT);
      if (size < 0) continue;
      const auto parsed = stun::parse_message(std::span(reply_).first(static_cast<size_t>(size)));
      const auto* message = std::get_if<stun::Message>(&parsed);
      if (message != nullptr && message->transaction_id() == id) return *message;
    }
  }
  return std::nullopt;
}

std::optional<Allocated> allocate_client(const SocketAddress& relay,
                                         const snownet::turn::Credentials& credentials,
                                         RandomSource& random, bool is_small) {
  for (int i = 0; i < kPortTries; ++i) {
    auto client = std::make_unique<TurnClient>(relay, credentials, random, is_small);
    const auto start = std::chrono::steady_clock::now();
    const auto relayed = client->allocate();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    if (relayed) return Allocated{std::move(client), *relayed, taken.count()};
    const auto refusal = client->refusal();
    if (refusal == stun::ErrorCode::kAllocationMismatch) continue;
    fmt::print(stderr, "relay_load: no allocation: {}\n",
               refusal ? std::to_string(static_cast<int>(*refusal)) : "no answer");
    return std::nullopt;
  }
  fmt::print(stderr, "relay_load: no allocation: 437 at {} ports\n", kPortTries);
  return std::nullopt;
}

}  // namespace connlib::bench
