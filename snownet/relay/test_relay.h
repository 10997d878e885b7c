#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "connlib/base/random_source.h"
#include "connlib/base/trace.h"
#include "snownet/relay/server.h"
#include "snownet/stun/message.h"
#include "snownet/stun/message_builder.h"
#include "snownet/stun/relay_credentials.h"

// A relay with sockets that only exist in a set, and clients that speak TURN to it: what the tests
// of this folder and the fuzzer share.
namespace connlib::snownet::relay::testing {

inline constexpr std::string_view kStampSecret =
    "8f6e1cb0a3d2478b9c1f5e7d6a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b";
inline const absl::Time kDate = absl::FromUnixSeconds(1'780'000'123);
inline constexpr Timestamp kStart = Timestamp::from_nanoseconds(13'047'000'000'017);

inline SocketAddress at(std::string_view text) { return *SocketAddress::parse(text); }
inline const SocketAddress kAlice = at("198.41.0.4:40001");
inline const SocketAddress kBob = at("198.41.0.5:40002");
inline const SocketAddress kPeer = at("93.184.216.34:51820");
inline const SocketAddress kPeer6 = at("[2606:2800:220:1::1]:51820");
inline const Ipv4Address kPublic4 = *IpAddress::parse("5.9.10.11")->v4();
inline const Ipv6Address kPublic6 = *IpAddress::parse("2a01:4f8::11")->v6();

inline ServerOptions dual_stack() {
  ServerOptions options;
  options.public_v4 = kPublic4;
  options.public_v6 = kPublic6;
  return options;
}

// What the relay answered: the datagram, and its meaning.
struct Reply {
  Response response;
  stun::Message message() const {
    return std::get<stun::Message>(stun::parse_message(response.bytes()));
  }
  // 0 for a success.
  uint16_t code() const {
    const auto error = message().error();
    return error ? static_cast<uint16_t>(error->code) : uint16_t{0};
  }
};

struct TestRelay {
  explicit TestRelay(ServerOptions options = dual_stack(), uint64_t seed = 1,
                     Tracer& tracer = null_tracer())
      : random(seed), server(std::move(options), credentials(), random, tracer, kStart, kDate) {}

  static Credentials credentials() {
    Credentials out;
    out.set_stamp_secret(kStampSecret);
    return out;
  }

  // Hands one datagram in, runs the commands, and gives the answer sent to `from`, if any.
  std::optional<Reply> receive(const SocketAddress& from, std::span<const uint8_t> datagram) {
    last = server.handle_client_run(now, from, datagram, 0).outcome;
    return drain();
  }
  void advance(Duration duration) {
    now += duration;
    server.handle_timeout(now);
    drain();
  }

  std::optional<Reply> drain() {
    while (auto command = server.poll_command()) {
      std::visit([this](const auto& one) { run(one); }, *command);
    }
    std::optional<Reply> reply;
    while (auto response = server.poll_transmit()) reply = Reply{*response};
    return reply;
  }
  void run(const OpenPort& open) {
    ++opens;
    if (taken.contains(open.port)) {
      server.handle_port_failed(now, open.port);
      return;
    }
    ports.insert(open.port);
    server.handle_port_opened(now, open.port);
  }
  void run(const ClosePort& close) {
    ++closes;
    ports.erase(close.port);
  }
  void run(const AddBinding& add) { bindings.insert(add.binding); }
  void run(const RemoveBinding& remove) {
    ++removed_bindings;
    bindings.erase(remove.binding);
  }

  // What a payload of the client becomes: port, peer and payload.
  std::optional<ToPeer> to_peer(const SocketAddress& client, uint16_t channel,
                                std::span<const uint8_t> payload) {
    frame.assign(4, 0);
    stun::write_channel_data_header(std::span(frame).first<4>(), stun::ChannelNumber(channel),
                                    payload.size());
    frame.insert(frame.end(), payload.begin(), payload.end());
    last = server.handle_client_run(now, client, frame, 0).outcome;
    const auto* answer = std::get_if<ToPeer>(&last);
    return answer == nullptr ? std::nullopt : std::optional(*answer);
  }
  std::optional<ToClient> to_client(uint16_t port, const SocketAddress& peer,
                                    std::span<const uint8_t> payload) {
    const PeerAnswer answer = server.handle_peer_run(now, port, peer, payload, 0);
    const auto* forwarded = std::get_if<ToClient>(&answer);
    return forwarded == nullptr ? std::nullopt : std::optional(*forwarded);
  }
  std::optional<Drop> dropped() const {
    const auto* drop = std::get_if<Drop>(&last);
    return drop == nullptr ? std::nullopt : std::optional(*drop);
  }

  Timestamp now = kStart;
  SeededRandom random;
  Server server;
  std::set<uint16_t> taken;  // Ports that another program has.
  std::set<uint16_t> ports;
  std::set<Binding> bindings;  // As a data path in the kernel would have them.
  int opens = 0;
  int closes = 0;
  int removed_bindings = 0;
  std::variant<Consumed, ToPeer, Drop> last;
  std::vector<uint8_t> frame;
};

using AddAttributes = std::function<void(stun::MessageBuilder&)>;

// TestClient asks with derived credentials. It learns the nonce when the relay tells it one.
class TestClient {
 public:
  TestClient(TestRelay& relay, const SocketAddress& address,
             const std::string& salt = "n23JJ2wKKtt30oXi",
             absl::Time expires_at = kDate + absl::Hours(24))
      : relay_(relay), address_(address) {
    username = fmt_username(expires_at, salt);
    const auto parsed = stun::RelayUsername::parse(username);
    password = stun::RelayPassword(*parsed, kStampSecret).text();
  }

  std::optional<Reply> allocate(const AddAttributes& more = [](auto&) {}) {
    return request(stun::Method::kAllocate, [&](stun::MessageBuilder& b) {
      b.add_requested_transport(17);
      more(b);
    });
  }
  std::optional<Reply> allocate_dual() {
    return allocate([](auto& b) { b.add_additional_address_family(stun::AddressFamily::kIpv6); });
  }
  std::optional<Reply> refresh(std::optional<int> seconds = std::nullopt) {
    return request(stun::Method::kRefresh, [&](stun::MessageBuilder& b) {
      if (seconds) b.add_lifetime(std::chrono::seconds(*seconds));
    });
  }
  std::optional<Reply> bind(uint16_t channel, const SocketAddress& peer) {
    return request(stun::Method::kChannelBind, [&](stun::MessageBuilder& b) {
      b.add_channel_number(stun::ChannelNumber(channel)).add_xor_peer_address(peer);
    });
  }

  // Asks, and asks again with the relay's nonce when it wants one.
  std::optional<Reply> request(stun::Method method, const AddAttributes& add) {
    auto reply = ask(method, add);
    if (!reply || !learns_nonce(*reply)) return reply;
    return ask(method, add);
  }
  // Asks once.
  std::optional<Reply> ask(stun::Method method, const AddAttributes& add) {
    return relay_.receive(address_, message(method, add));
  }
  std::vector<uint8_t> message(stun::Method method, const AddAttributes& add) {
    std::vector<uint8_t> buffer(1500);
    const auto id = next_id.value_or(stun::TransactionId::random(relay_.random));
    stun::MessageBuilder builder(buffer, {method, stun::MessageClass::kRequest}, id);
    add(builder);
    builder.add_username(username).add_realm("firezone");
    if (!nonce.empty()) builder.add_nonce(nonce);
    stun::IntegrityKey key = integrity_key();
    builder.add_integrity(key);
    buffer.resize(builder.finish()->size());
    return buffer;
  }
  stun::IntegrityKey integrity_key() const {
    return stun::IntegrityKey::long_term(username, "firezone", password);
  }
  bool verifies(const Reply& reply) const {
    stun::IntegrityKey key = integrity_key();
    return reply.message().verify_integrity(key);
  }

  std::string username;
  std::string password;
  std::string nonce;
  std::optional<stun::TransactionId> next_id;

 private:
  static std::string fmt_username(absl::Time expires_at, const std::string& salt) {
    return std::to_string(absl::ToUnixSeconds(expires_at)) + ":" + salt;
  }
  bool learns_nonce(const Reply& reply) {
    const bool wants = reply.code() == 438 || (reply.code() == 401 && nonce.empty());
    const auto offered = reply.message().nonce();
    if (!wants || !offered) return false;
    nonce = *offered;
    return true;
  }

  TestRelay& relay_;
  SocketAddress address_;
};

inline uint16_t relayed_port(const Reply& reply) {
  for (const IpFamily family : {IpFamily::kV4, IpFamily::kV6}) {
    if (const auto address = reply.message().xor_relayed_address(family)) return address->port;
  }
  return 0;
}

}  // namespace connlib::snownet::relay::testing
