// Hostile clients and peers at a relay: any bytes, and requests that are signed correctly but want
// anything. Whatever happens, the tables agree, nothing forbidden is reached, no answer amplifies.
#include <algorithm>
#include <string>
#include <vector>

#include "connlib/base/check.h"
#include "snownet/relay/test_relay.h"
#include "tests/fuzz/fuzz_input.h"

namespace connlib::snownet::relay::testing {
namespace {

constexpr uint32_t kClients = 4;

SocketAddress any_address(fuzz::FuzzInput& in) {
  switch (in.below(6)) {
    case 0:
      return kPeer;
    case 1:
      return kPeer6;
    case 2:
      return {kPublic4, static_cast<uint16_t>(50000 + in.below(8))};
    case 3:
      return {Ipv4Address{{in.u8(), in.u8(), in.u8(), in.u8()}}, in.u16()};
    case 4:
      return {kPeer.ip, static_cast<uint16_t>(7000 + in.below(8))};
    default: {
      Ipv6Address six;
      const auto bytes = in.take(six.bytes.size());
      std::copy(bytes.begin(), bytes.end(), six.bytes.begin());
      return {six, in.u16()};
    }
  }
}

class Story {
 public:
  Story() : relay_(options()) {
    for (uint16_t i = 0; i < kClients; ++i) {
      addresses_.push_back(i % 2 == 0 ? SocketAddress{kAlice.ip, static_cast<uint16_t>(4000 + i)}
                                      : SocketAddress{kPeer6.ip, static_cast<uint16_t>(4000 + i)});
      clients_.emplace_back(relay_, addresses_.back(), i < 2 ? "shared" : std::to_string(i));
    }
  }

  void step(fuzz::FuzzInput& in) {
    const size_t who = in.below(kClients);
    TestClient& client = clients_[who];
    switch (in.u8() % 9) {
      case 0:
        raw(addresses_[who], in);
        break;
      case 1:
        signed_request(client, in);
        break;
      case 2:
        in.u8() % 2 == 0 ? client.allocate() : client.allocate_dual();
        break;
      case 3:
        client.refresh(in.u16());
        break;
      case 4:
        client.bind(static_cast<uint16_t>(0x4000 + in.below(6)), any_address(in));
        break;
      case 5:
        data(addresses_[who], in);
        break;
      case 6:
        peer(in);
        break;
      case 7:
        relay_.advance(std::chrono::milliseconds(in.u16() * 16));
        break;
      default:
        relay_.taken = {static_cast<uint16_t>(50000 + in.below(8)),
                        static_cast<uint16_t>(50000 + in.below(8))};
        if (in.u8() == 7) relay_.server.handle_shutdown_requested(relay_.now);
    }
    check();
  }

 private:
  static ServerOptions options() {
    ServerOptions out = dual_stack();
    out.lowest_port = 50000;
    out.highest_port = 50007;
    out.limits.allocations_per_user = 2;
    out.limits.channels = 8;
    return out;
  }

  void raw(const SocketAddress& from, fuzz::FuzzInput& in) {
    std::vector<uint8_t> datagram;
    const auto bytes = in.take(in.u8() * size_t{4});
    datagram.assign(bytes.begin(), bytes.end());
    // Without a right cookie and length nothing gets far: the fuzzer need not find them.
    if (datagram.size() >= 20 && in.u8() % 4 != 0) {
      datagram.resize(datagram.size() & ~size_t{3});
      store_be16(datagram.data() + 2, static_cast<uint16_t>(datagram.size() - 20));
      store_be32(datagram.data() + 4, stun::kMagicCookie);
    }
    const auto reply = relay_.receive(from, datagram);
    if (!reply) return;
    const size_t headers = from.ip.is_v4() ? 28 : 48;
    CONNLIB_CHECK(2 * (headers + reply->response.size) <= 3 * (headers + datagram.size()));
  }

  void signed_request(TestClient& client, fuzz::FuzzInput& in) {
    const auto method = static_cast<stun::Method>(in.u8() % 16);
    fuzz::FuzzInput attributes(in.take(in.u8()));
    client.request(method, [attributes](stun::MessageBuilder& builder) mutable {
      while (!attributes.empty()) {
        const auto type =
            static_cast<stun::AttributeType>(attributes.u8() | (attributes.u8() % 2 * 0x8000));
        if (type == stun::AttributeType::kMessageIntegrity ||
            type == stun::AttributeType::kFingerprint) {
          continue;
        }
        builder.add(type, attributes.take(attributes.u8() % 24));
      }
    });
  }

  void data(const SocketAddress& from, fuzz::FuzzInput& in) {
    const size_t segment = in.u16();
    const auto bytes = in.take(in.u16());
    std::vector<uint8_t> run(bytes.begin(), bytes.end());
    for (std::span<const uint8_t> rest(run); !rest.empty();) {
      const auto answer = relay_.server.handle_client_run(relay_.now, from, rest, segment);
      CONNLIB_CHECK(answer.datagrams > 0);
      if (const auto* out = std::get_if<ToPeer>(&answer.outcome)) check_forward(*out, rest);
      relay_.drain();
      const size_t step = segment == 0 || segment > rest.size() ? rest.size() : segment;
      rest = rest.subspan(std::min(rest.size(), answer.datagrams * step));
    }
  }
  void check_forward(const ToPeer& out, std::span<const uint8_t> run) const {
    CONNLIB_CHECK(relay_.ports.contains(out.port));
    CONNLIB_CHECK(out.frames.data() == run.data() && out.frames.size() <= run.size());
    CONNLIB_CHECK(scope_of(out.peer.ip) == AddressScope::kPublic && out.peer.port != 0);
    CONNLIB_CHECK(out.peer.ip != IpAddress(kPublic4) || out.peer.port >= 50000);
    for_each_payload(out, [&](auto payload) {
      CONNLIB_CHECK(payload.data() + payload.size() <= run.data() + run.size());
    });
  }

  void peer(fuzz::FuzzInput& in) {
    const auto port = static_cast<uint16_t>(49999 + in.below(10));
    const SocketAddress from = any_address(in);
    const size_t segment = in.u16();
    const PeerAnswer answer =
        relay_.server.handle_peer_run(relay_.now, port, from, in.take(in.u16()), segment);
    const auto* out = std::get_if<ToClient>(&answer);
    if (out == nullptr) return;
    const Binding binding{out->client, out->channel, from, port};
    CONNLIB_CHECK(relay_.bindings.contains(binding));
  }

  void check() {
    relay_.server.handle_timeout(relay_.now);
    relay_.drain();
    CONNLIB_CHECK(relay_.server.is_consistent());
    CONNLIB_CHECK(relay_.server.poll_timeout().at > relay_.now);
    CONNLIB_CHECK(relay_.server.channel_count() == relay_.bindings.size());
    CONNLIB_CHECK(relay_.server.allocation_count() == relay_.ports.size());
    CONNLIB_CHECK(relay_.server.free_port_count() + relay_.ports.size() == 8);
  }

  TestRelay relay_;
  std::vector<SocketAddress> addresses_;
  std::vector<TestClient> clients_;
};

}  // namespace
}  // namespace connlib::snownet::relay::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  connlib::fuzz::FuzzInput in(std::span(data, size));
  connlib::snownet::relay::testing::Story story;
  while (!in.empty()) story.step(in);
  return 0;
}
