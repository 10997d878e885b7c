#include "shells/linux/udp_gather.h"

#include <map>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <poll.h>

#include "shells/linux/udp_receiver.h"

namespace connlib::shells {
namespace {

const IpAddress kLoopback = *IpAddress::parse("127.0.0.1");

std::unique_ptr<UdpSocket> open_socket(bool offloads = true) {
  auto socket = UdpSocket::open({.address = kLoopback,
                                 .send_buffer_bytes = 1 << 20,
                                 .receive_buffer_bytes = 1 << 20,
                                 .uses_offloads = offloads,
                                 .has_buffers = false});
  REQUIRE(socket.ok());
  return *std::move(socket);
}

struct Arrived {
  std::vector<std::string> datagrams;
  std::vector<Ecn> marks;
};

// All that arrives within a moment, datagram by datagram.
Arrived drain(UdpReceiver& receiver, UdpSocket& socket) {
  Arrived out;
  uint64_t truncated = 0;
  pollfd waiting{socket.fd(), POLLIN, 0};
  while (poll(&waiting, 1, 100) > 0) {
    for (const ReceivedRun& run : receiver.receive(socket.fd(), truncated)) {
      std::span<uint8_t> rest = run.bytes;
      do {
        const auto one = rest.first(std::min(rest.size(), run.segment_bytes));
        out.datagrams.emplace_back(one.begin(), one.end());
        out.marks.push_back(run.ecn);
        rest = rest.subspan(one.size());
      } while (!rest.empty());
    }
  }
  return out;
}

std::span<const uint8_t> bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

TEST_CASE("equal datagrams of a flow become one message, wherever in the batch they are") {
  const bool offloads = GENERATE(true, false);
  GatherTarget from{open_socket(offloads), {}};
  const auto first = open_socket();
  const auto second = open_socket(false);
  const SocketAddress to_first{kLoopback, first->port()};
  const SocketAddress to_second{kLoopback, second->port()};
  const UdpGather::Header header{'h', 'e', 'a', 'd'};
  const UdpGather::Header last_header{'l', 'a', 's', 't'};
  const std::vector<std::string> texts{"aaaaaaaa", "bbbbbbbb", "cccccccc", "ddd", "eeeeeeee"};
  UdpGather gather;
  for (const std::string& text : texts) {
    gather.add(from, {.to = to_first,
                      .header = text.size() == 8 ? &header : &last_header,
                      .payload = bytes(text)});
    gather.add(from, {.to = to_second, .payload = bytes(text)});
  }
  gather.flush();
  UdpReceiver receiver(8);
  CHECK(drain(receiver, *first).datagrams ==
        std::vector<std::string>{"headaaaaaaaa", "headbbbbbbbb", "headcccccccc", "lastddd",
                                 "headeeeeeeee"});
  CHECK(drain(receiver, *second).datagrams == texts);
  CHECK(gather.stats().datagrams == 10);
  if (from.socket->segments()) {
    CHECK(gather.stats().messages == 4);  // A shorter datagram ends a run.
  } else {
    CHECK(gather.stats().messages == 10);
  }
}

TEST_CASE("congestion marks and empty datagrams arrive as they were given") {
  GatherTarget from{open_socket(), {}};
  const auto to = open_socket();
  UdpGather gather;
  const std::string text = "marked";
  for (const Ecn ecn : {Ecn::kEct0, Ecn::kEct0, Ecn::kCe, Ecn::kNotEct}) {
    gather.add(from, {.to = {kLoopback, to->port()}, .ecn = ecn, .payload = bytes(text)});
  }
  gather.add(from, {.to = {kLoopback, to->port()}, .payload = {}});
  gather.flush();
  UdpReceiver receiver(8);
  const Arrived arrived = drain(receiver, *to);
  CHECK(arrived.datagrams == std::vector<std::string>{text, text, text, text, ""});
  CHECK(arrived.marks ==
        std::vector<Ecn>{Ecn::kEct0, Ecn::kEct0, Ecn::kCe, Ecn::kNotEct, Ecn::kNotEct});
}

TEST_CASE("a host with several addresses answers from the one that was asked, in one batch too") {
  auto any = UdpSocket::open({.reports_local = true, .has_buffers = false});
  REQUIRE(any.ok());
  GatherTarget from{*std::move(any), {}};
  const bool segments = GENERATE(true, false);
  if (!segments) from.socket->disable_segmentation();
  const bool waits = GENERATE(true, false);  // What a full socket left takes the same source.
  const auto to = open_socket();
  const SocketAddress asker{kLoopback, to->port()};
  const IpAddress first = *IpAddress::parse("127.0.0.2");
  const IpAddress second = *IpAddress::parse("127.1.2.3");
  if (waits) from.backlog.push({asker, Ecn::kCe, true, {'0'}, second});
  const std::string text = "text";
  UdpGather gather;
  for (int i = 0; i < 2; ++i) {
    for (const IpAddress& source : {first, second}) {
      gather.add(from, {.to = asker, .source = source, .ecn = Ecn::kEct0, .payload = bytes(text)});
    }
  }
  gather.flush();
  if (waits) CHECK(gather.drain(from));
  UdpReceiver receiver(8);
  std::map<IpAddress, std::string> heard;
  uint64_t truncated = 0;
  pollfd waiting{to->fd(), POLLIN, 0};
  while (poll(&waiting, 1, 100) > 0) {
    for (const ReceivedRun& run : receiver.receive(to->fd(), truncated)) {
      heard[run.from.ip].append(run.bytes.begin(), run.bytes.end());
    }
  }
  CHECK(heard == std::map<IpAddress, std::string>{{first, "texttext"},
                                                  {second, waits ? "0texttext" : "texttext"}});
  CHECK(gather.stats().unreachable == 0);
}

TEST_CASE("datagrams longer than a path's MTU are sent alone, and segmentation stays on") {
  GatherTarget from{open_socket(), {}};
  const auto to = open_socket();
  UdpGather gather;
  const std::string large(9000, 'x');
  for (int i = 0; i < 3; ++i) {
    gather.add(from, {.to = {kLoopback, to->port()}, .payload = bytes(large)});
  }
  gather.flush();
  UdpReceiver receiver(8);
  CHECK(drain(receiver, *to).datagrams == std::vector<std::string>(3, large));
  CHECK(gather.stats().messages == 3);
}

TEST_CASE("a batch larger than the gather is sent in order") {
  GatherTarget from{open_socket(), {}};
  const auto to = open_socket();
  UdpGather gather;
  std::vector<std::string> texts;
  for (size_t i = 0; i < 3 * UdpGather::kMessages; ++i) texts.emplace_back(1 + i, 'a');
  for (const std::string& text : texts) {  // Each longer than the one before: none can join.
    gather.add(from, {.to = {kLoopback, to->port()}, .payload = bytes(text)});
  }
  gather.flush();
  UdpReceiver receiver(8);
  CHECK(drain(receiver, *to).datagrams == texts);
}

TEST_CASE("one unreachable peer costs its datagram, not those of others") {
  GatherTarget from{open_socket(), {}};
  const auto to = open_socket();
  UdpGather gather;
  const std::string text = "text";
  gather.add(from, {.to = {kLoopback, to->port()}, .payload = bytes(text)});
  // A socket bound to loopback reaches nothing else.
  gather.add(from, {.to = {*IpAddress::parse("192.0.2.1"), 9}, .payload = bytes(text)});
  gather.add(from, {.to = {kLoopback, to->port()}, .payload = bytes(text)});
  gather.flush();
  UdpReceiver receiver(8);
  CHECK(drain(receiver, *to).datagrams == std::vector<std::string>{text, text});
  CHECK(gather.stats().unreachable == 1);
}

TEST_CASE("a full socket loses its oldest data and never a control response") {
  UdpBacklog backlog;
  const auto datagram = [](bool is_control, uint8_t mark) {
    return UdpBacklog::Datagram{{}, Ecn::kNotEct, is_control, {mark}};
  };
  CHECK(backlog.push(datagram(true, 1)) == 0);
  for (size_t i = 0; i < UdpBacklog::kMaxData; ++i) CHECK(backlog.push(datagram(false, 2)) == 0);
  CHECK(backlog.push(datagram(true, 3)) == 0);
  CHECK(backlog.push(datagram(false, 4)) == 1);
  CHECK(backlog.size() == UdpBacklog::kMaxData + 2);
  std::string order;
  for (; !backlog.empty(); backlog.pop()) {
    const char mark = static_cast<char>('0' + backlog.front().bytes[0]);
    if (order.empty() || order.back() != mark) order.push_back(mark);
  }
  CHECK(order == "1234");
}

TEST_CASE("what waits in a backlog goes out before what comes later") {
  GatherTarget from{open_socket(), {}};
  const auto to = open_socket();
  const SocketAddress address{kLoopback, to->port()};
  from.backlog.push({address, Ecn::kEct1, true, {'1'}});
  UdpGather gather;
  const std::string text = "2";
  gather.add(from, {.to = address, .payload = bytes(text)});
  gather.flush();
  CHECK(from.backlog.size() == 2);
  CHECK(gather.drain(from));
  UdpReceiver receiver(8);
  CHECK(drain(receiver, *to).datagrams == std::vector<std::string>{"1", "2"});
}

}  // namespace
}  // namespace connlib::shells
