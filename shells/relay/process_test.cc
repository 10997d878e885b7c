// The process over loopback, one round of its loop at a time: what a round does can be counted.
#include "shells/relay/process.h"

#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "snownet/relay/test_relay.h"

namespace connlib::relay {
namespace {

using shells::GatherTarget;
using shells::UdpGather;
using shells::UdpSocket;
using snownet::relay::testing::AddAttributes;
using snownet::relay::testing::TestClient;
using snownet::relay::testing::TestRelay;
using snownet::stun::ChannelNumber;
using snownet::stun::Message;
using snownet::stun::MessageBuilder;
using snownet::stun::Method;

const IpAddress kRelayIp = *IpAddress::parse("127.0.0.1");
const IpAddress kClientIp = *IpAddress::parse("127.0.0.2");
constexpr ChannelNumber kChannel{0x4001};

struct Arrived {
  SocketAddress from;
  Ecn ecn;
  std::string bytes;
};

// A host's socket. It sends datagram by datagram, so that each is a run of its own.
class Host {
 public:
  explicit Host(const IpAddress& ip) {
    auto socket = UdpSocket::open({.address = ip,
                                   .send_buffer_bytes = 1 << 20,
                                   .receive_buffer_bytes = 1 << 20,
                                   .has_buffers = false});
    REQUIRE(socket.ok());
    target_.socket = *std::move(socket);
    target_.socket->disable_segmentation();
    address = {ip, target_.socket->port()};
  }
  void send(const SocketAddress& to, std::span<const uint8_t> bytes, Ecn ecn = Ecn::kNotEct) {
    gather_.add(target_, {.to = to, .ecn = ecn, .payload = bytes});
    gather_.flush();
    REQUIRE(target_.backlog.empty());
  }
  void send(const SocketAddress& to, const std::string& text, Ecn ecn = Ecn::kNotEct) {
    send(to, std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()), ecn);
  }
  // What is there now, datagram by datagram.
  std::vector<Arrived> receive() {
    std::vector<Arrived> out;
    uint64_t truncated = 0;
    for (auto runs = receiver_.receive(target_.socket->fd(), truncated); !runs.empty();
         runs = receiver_.receive(target_.socket->fd(), truncated)) {
      for (const shells::ReceivedRun& run : runs) {
        for (auto rest = run.bytes; !rest.empty();) {
          const auto one = rest.first(std::min(rest.size(), run.segment_bytes));
          out.push_back({run.from, run.ecn, std::string(one.begin(), one.end())});
          rest = rest.subspan(one.size());
        }
      }
    }
    return out;
  }

  SocketAddress address;

 private:
  GatherTarget target_;
  UdpGather gather_;
  shells::UdpReceiver receiver_{8};
};

struct Lab {
  Lab() {
    listening = {kRelayIp, Host(kRelayIp).address.port};  // Free a moment ago.
    ProcessOptions options;
    options.server.public_v4 = *kRelayIp.v4();
    options.server.listen_port = listening.port;
    options.server.highest_port = static_cast<uint16_t>(options.server.lowest_port + 999);
    options.bind_v4 = kRelayIp;
    auto opened = Process::open(std::move(options), TestRelay::credentials(), loop, null_tracer());
    REQUIRE(opened.ok());
    process = *std::move(opened);
    loop.before_wait([this] {
      process->pump();
      loop.stop();  // This round is the last of its run().
    });
  }
  void round() { loop.run(); }

  SocketAddress listening;
  shells::EventLoop loop;
  std::unique_ptr<Process> process;
};

std::string framed(const std::string& payload) {
  std::array<uint8_t, 4> header{};
  snownet::stun::write_channel_data_header(header, kChannel, payload.size());
  return std::string(header.begin(), header.end()) + payload;
}

// Client is one allocation with, in the end, one channel.
class Client {
 public:
  Client(Lab& lab, std::string name)
      : host(kClientIp),
        lab_(lab),
        turn_(words_, host.address, std::move(name), absl::FromUnixSeconds(4'000'000'000)) {
    request(Method::kAllocate, [](MessageBuilder& b) { b.add_requested_transport(17); });
    REQUIRE(relayed.port != 0);
  }
  void bind(const SocketAddress& peer) {
    request(Method::kChannelBind,
            [&](MessageBuilder& b) { b.add_channel_number(kChannel).add_xor_peer_address(peer); });
  }

  Host host;
  SocketAddress relayed;

 private:
  // Asks, and asks again with the nonce that it was told.
  void request(Method method, const AddAttributes& add) {
    for (int i = 0; i < 2; ++i) {
      host.send(lab_.listening, turn_.message(method, add));
      lab_.round();
      const auto answers = host.receive();
      REQUIRE(answers.size() == 1);
      REQUIRE(answers[0].from == lab_.listening);
      const auto& text = answers[0].bytes;
      const auto parsed = snownet::stun::parse_message(
          std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
      const auto& message = std::get<Message>(parsed);
      if (!message.error()) {
        relayed = message.xor_relayed_address(IpFamily::kV4).value_or(relayed);
        return;
      }
      turn_.nonce = message.nonce().value_or("");
    }
    FAIL("refused twice");
  }

  Lab& lab_;
  TestRelay words_;  // Only to write messages with.
  TestClient turn_;
};

// Two clients whose channels lead to each other's relayed address: loopback has no other peers that
// a relay allows. What one sends crosses the relay twice, first to a peer and then to a client.
struct Pair {
  Pair(Lab& lab, const std::string& name) : left(lab, name + "-l"), right(lab, name + "-r") {
    left.bind(right.relayed);
    right.bind(left.relayed);
  }
  Client left;
  Client right;
};

TEST_CASE("congestion marks pass through the relay, to peers and to clients") {
  const Ecn ecn = GENERATE(Ecn::kNotEct, Ecn::kEct1, Ecn::kEct0, Ecn::kCe);
  Lab lab;
  Pair pair(lab, "alice");
  pair.left.host.send(lab.listening, framed("marked"), ecn);
  lab.round();
  lab.round();
  const auto arrived = pair.right.host.receive();
  REQUIRE(arrived.size() == 1);
  CHECK(arrived[0].from == lab.listening);
  CHECK(arrived[0].bytes == framed("marked"));
  CHECK(arrived[0].ecn == ecn);
}

TEST_CASE("a saturated channel gets one batch per round, and another channel its turn") {
  Lab lab;
  Pair busy(lab, "busy");
  Pair quiet(lab, "quiet");
  constexpr size_t kFlood = 4 * Process::kBatchRuns;
  for (size_t i = 1; i <= kFlood; ++i) {  // Each longer than the one before: none can join.
    busy.left.host.send(lab.listening, framed(std::string(i, 'x')));
  }
  quiet.left.host.send(lab.listening, framed("a word"));
  lab.round();  // Now all of it waits at the relayed ports.
  REQUIRE(lab.process->counters().to_peers.packets == kFlood + 1);
  REQUIRE(lab.process->counters().to_clients.packets == 0);
  lab.round();
  const auto heard = quiet.right.host.receive();
  REQUIRE(heard.size() == 1);
  CHECK(heard[0].bytes == framed("a word"));
  size_t passed = busy.right.host.receive().size();
  CHECK(passed == Process::kBatchRuns);
  for (int i = 0; i < 3; ++i) lab.round();
  passed += busy.right.host.receive().size();
  CHECK(passed == kFlood);  // Late, not lost.
}

TEST_CASE("a flood at the listening port does not keep relayed ports waiting") {
  Lab lab;
  Pair busy(lab, "busy");
  Pair quiet(lab, "quiet");
  quiet.left.host.send(lab.listening, framed("a word"));
  lab.round();  // It waits at the relayed port.
  constexpr size_t kPerRound = Process::kListenBatches * Process::kBatchRuns;
  for (size_t i = 1; i <= kPerRound + 10; ++i) {
    busy.left.host.send(lab.listening, framed(std::string(i, 'x')));
  }
  lab.round();
  const auto heard = quiet.right.host.receive();
  REQUIRE(heard.size() == 1);
  CHECK(heard[0].bytes == framed("a word"));
  CHECK(lab.process->counters().to_peers.packets == 1 + kPerRound);
  lab.round();
  CHECK(lab.process->counters().to_peers.packets == 1 + kPerRound + 10);
}

}  // namespace
}  // namespace connlib::relay
