#include "shells/linux/udp_socket.h"

#include <algorithm>
#include <vector>

#include <catch2/catch.hpp>
#include <poll.h>

namespace connlib::shells {
namespace {

IpAddress loopback(IpFamily family) {
  return *IpAddress::parse(family == IpFamily::kV4 ? "127.0.0.1" : "::1");
}

std::unique_ptr<UdpSocket> open_socket(IpFamily family, uint16_t port = 0) {
  auto opened = UdpSocket::open({.family = family, .port = port});
  REQUIRE(opened.ok());
  return std::move(*opened);
}

DatagramRun run_of(const SocketAddress& to, Ecn ecn, size_t full, size_t segment_bytes,
                   size_t last_bytes) {
  DatagramRun run;
  run.start(to, ecn);
  for (size_t i = 0; i <= full; ++i) {
    const auto room = run.reserve(i < full ? segment_bytes : last_bytes);
    if (room.empty()) break;
    std::fill(room.begin(), room.end(), static_cast<uint8_t>(i));
    run.commit();
  }
  return run;
}

// Everything that arrives until `datagrams` came, as datagrams.
std::vector<std::vector<uint8_t>> collect(UdpSocket& socket, size_t datagrams, Ecn expected_ecn) {
  std::vector<std::vector<uint8_t>> out;
  while (out.size() < datagrams) {
    pollfd waiting{socket.fd(), POLLIN, 0};
    REQUIRE(poll(&waiting, 1, 2000) == 1);
    for (const ReceivedRun& run : socket.receive()) {
      CHECK(run.ecn == expected_ecn);
      for_each_segment(run.bytes, run.segment_bytes,
                       [&](std::span<uint8_t> one) { out.emplace_back(one.begin(), one.end()); });
    }
  }
  return out;
}

TEST_CASE(
    "a run of datagrams arrives as it was sent, with its ECN mark, with and without offloads") {
  auto [family, ecn, segmented] = GENERATE(table<IpFamily, Ecn, bool>({
      {IpFamily::kV4, Ecn::kEct0, true},
      {IpFamily::kV4, Ecn::kNotEct, false},
      {IpFamily::kV4, Ecn::kCe, false},
      {IpFamily::kV6, Ecn::kCe, true},
      {IpFamily::kV6, Ecn::kEct1, false},
  }));
  auto receiver = open_socket(family);
  auto sender = open_socket(family);
  if (!segmented) sender->disable_segmentation();
  const SocketAddress to{loopback(family), receiver->port()};
  std::vector<DatagramRun> runs;
  runs.push_back(run_of(to, ecn, 44, 1440, 700));
  runs.push_back(run_of(to, ecn, 0, 0, 32));
  CHECK(sender->send(runs) == 2);
  const auto datagrams = collect(*receiver, 46, ecn);
  REQUIRE(datagrams.size() == 46);
  for (size_t i = 0; i < 44; ++i) {
    REQUIRE(datagrams[i] == std::vector<uint8_t>(1440, static_cast<uint8_t>(i)));
  }
  CHECK(datagrams[44] == std::vector<uint8_t>(700, 44));
  CHECK(datagrams[45] == std::vector<uint8_t>(32, 0));
}

TEST_CASE("a port that is taken is named in the error") {
  auto first = open_socket(IpFamily::kV4);
  const auto second = UdpSocket::open({.family = IpFamily::kV4, .port = first->port()});
  REQUIRE_FALSE(second.ok());
  CHECK(second.status().code() == absl::StatusCode::kAlreadyExists);
  CHECK(std::string(second.status().message()).find(std::to_string(first->port())) !=
        std::string::npos);
}

TEST_CASE("a datagram that cannot be routed costs only itself") {
  auto receiver = open_socket(IpFamily::kV4);
  auto sender = open_socket(IpFamily::kV4);
  std::vector<DatagramRun> runs;
  runs.push_back(
      run_of({*IpAddress::parse("255.255.255.255"), 9}, Ecn::kNotEct, 0, 0, 40));  // EACCES.
  runs.push_back(run_of({loopback(IpFamily::kV4), receiver->port()}, Ecn::kNotEct, 0, 0, 40));
  CHECK(sender->send(runs) == 2);
  CHECK(sender->stats().lost_refused == 1);
  CHECK(collect(*receiver, 1, Ecn::kNotEct).size() == 1);
}

TEST_CASE("a host with several addresses knows where a datagram arrived, and answers from there") {
  // 127.0.0.0/8 is all ours; IPv6 has one loopback address only.
  auto [family, address] = GENERATE(table<IpFamily, const char*>({
      {IpFamily::kV4, "127.0.0.2"},
      {IpFamily::kV4, "127.1.2.3"},
      {IpFamily::kV6, "::1"},
  }));
  const IpAddress chosen = *IpAddress::parse(address);
  CAPTURE(address);
  auto receiver = UdpSocket::open({.family = family, .reports_local = true});
  REQUIRE(receiver.ok());
  auto sender = open_socket(family);

  const auto first_run = [](UdpSocket& socket) {
    pollfd waiting{socket.fd(), POLLIN, 0};
    REQUIRE(poll(&waiting, 1, 2000) == 1);
    const auto runs = socket.receive();
    REQUIRE_FALSE(runs.empty());
    return runs[0];
  };
  const DatagramRun there = run_of({chosen, (*receiver)->port()}, Ecn::kEct0, 0, 100, 100);
  REQUIRE(sender->send({&there, 1}) == 1);
  const ReceivedRun arrived = first_run(**receiver);
  CHECK(arrived.local == chosen);
  CHECK(arrived.ecn == Ecn::kEct0);

  const bool segmented = GENERATE(true, false);
  if (!segmented) (*receiver)->disable_segmentation();
  DatagramRun back;
  back.start({loopback(family), sender->port()}, Ecn::kNotEct, arrived.local);
  for (int i = 0; i < 2; ++i) {
    back.reserve(100)[0] = 7;
    back.commit();
  }
  REQUIRE((*receiver)->send({&back, 1}) == 1);
  const ReceivedRun answer = first_run(*sender);
  CHECK(answer.from == SocketAddress{chosen, (*receiver)->port()});
  CHECK_FALSE(answer.local.has_value());  // Not asked for.
}

}  // namespace
}  // namespace connlib::shells
