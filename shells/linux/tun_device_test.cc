#define CATCH_CONFIG_RUNNER
#include "shells/linux/tun_device.h"

#include <cstdio>
#include <cstring>
#include <vector>

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connlib/base/bytes.h"
#include "connlib/packet/checksum.h"
#include "connlib/packet/coalescing.h"
#include "connlib/packet/protocol.h"
#include "connlib/packet/segmentation.h"

namespace connlib::shells {
namespace {

void set_address_and_up(const std::string& name, const char* address) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  sockaddr_in in{};
  in.sin_family = AF_INET;
  inet_pton(AF_INET, address, &in.sin_addr);
  std::memcpy(&request.ifr_addr, &in, sizeof in);
  REQUIRE(ioctl(fd, SIOCSIFADDR, &request) == 0);
  in.sin_addr.s_addr = htonl(0xffffff00);
  std::memcpy(&request.ifr_netmask, &in, sizeof in);
  REQUIRE(ioctl(fd, SIOCSIFNETMASK, &request) == 0);
  REQUIRE(ioctl(fd, SIOCGIFFLAGS, &request) == 0);
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  REQUIRE(ioctl(fd, SIOCSIFFLAGS, &request) == 0);
  close(fd);
}

sockaddr_in address_of(const char* ip, uint16_t port) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(port);
  inet_pton(AF_INET, ip, &in.sin_addr);
  return in;
}

// Moves a packet to the other network: 10.9.0.x becomes 10.9.1.x and back. Both ends live in this
// kernel; with one network it would take the short cut through its loopback.
void mirror(std::vector<uint8_t>& packet) {
  for (const size_t word : {size_t{14}, size_t{18}}) {
    const uint16_t before = load_be16(&packet[word]);
    packet[word] ^= 1;
    for (const size_t checksum : {size_t{10}, size_t{36}}) {
      store_be16(&packet[checksum],
                 update_checksum(load_be16(&packet[checksum]), before, load_be16(&packet[word])));
    }
  }
}

TEST_CASE("a TCP transfer between two TUNs crosses in super-packets and arrives whole") {
  auto left = TunDevice::create("cltl%d");
  auto right = TunDevice::create("cltr%d");
  REQUIRE(left.ok());
  REQUIRE(right.ok());
  // 10.9.0.1 speaks to 10.9.0.2 through `left`; the mirror makes that 10.9.1.1 and 10.9.1.2 behind
  // `right`, whose own address is 10.9.1.2.
  set_address_and_up((*left)->name(), "10.9.0.1");
  set_address_and_up((*right)->name(), "10.9.1.2");
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const sockaddr_in bound = address_of("10.9.1.2", 7777);
  const sockaddr_in target = address_of("10.9.0.2", 7777);
  REQUIRE(bind(listener, reinterpret_cast<const sockaddr*>(&bound), sizeof bound) == 0);
  REQUIRE(listen(listener, 1) == 0);
  connect(client, reinterpret_cast<const sockaddr*>(&target), sizeof target);

  const std::vector<uint8_t> content(1 << 20, 0x5a);
  size_t written = 0;
  size_t received = 0;
  size_t super_packets = 0;
  int accepted = -1;
  Coalescer coalescer;
  std::vector<std::vector<uint8_t>> packets(64);
  const auto carry = [&](TunDevice& from, TunDevice& to) {
    while (auto incoming = from.read()) {
      const auto super = SuperPacket::parse(incoming->info, incoming->packet);
      if (!super || (incoming->packet[0] >> 4) != 4) continue;
      super_packets += super->segments() > 1 ? 1u : 0u;
      for (size_t i = 0; i < super->segments(); ++i) {
        packets[i].resize(super->segment_bytes(i));
        super->write_segment(i, packets[i]);
        if (packets[i][9] != kProtocolTcp) continue;
        mirror(packets[i]);
        REQUIRE(coalescer.add(packets[i]));
      }
      coalescer.flush(
          [&](const Coalescer::Group& group) { CHECK(to.write(group.info, group.parts)); });
    }
  };
  for (int round = 0; round < 20000 && received < content.size(); ++round) {
    carry(**left, **right);
    carry(**right, **left);
    if (accepted < 0) accepted = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
    if (written < content.size()) {
      const ssize_t n =
          send(client, content.data() + written, content.size() - written, MSG_NOSIGNAL);
      if (n > 0) written += static_cast<size_t>(n);
    }
    if (accepted >= 0) {
      std::vector<uint8_t> buffer(1 << 16);
      const ssize_t n = recv(accepted, buffer.data(), buffer.size(), 0);
      for (ssize_t i = 0; i < n; ++i) REQUIRE(buffer[static_cast<size_t>(i)] == 0x5a);
      if (n > 0) received += static_cast<size_t>(n);
    }
    if (round % 64 == 63) poll(nullptr, 0, 1);
  }
  CHECK(received == content.size());
  if ((*left)->can_merge_tcp()) CHECK(super_packets > 5);
  close(client);
  close(listener);
  if (accepted >= 0) close(accepted);
}

TEST_CASE("a name that is taken or impossible is refused with a clear error") {
  auto first = TunDevice::create("cltaken");
  REQUIRE(first.ok());
  const auto second = TunDevice::create("cltaken");
  CHECK(second.status().code() == absl::StatusCode::kAlreadyExists);
  CHECK(std::string(second.status().message()).find("cltaken") != std::string::npos);
  for (const char* bad : {"", "a/b", "sixteen-letters-", "has space", ".."}) {
    CHECK(TunDevice::create(bad).status().code() == absl::StatusCode::kInvalidArgument);
  }
}

TEST_CASE("the MTU can be set and read") {
  auto device = TunDevice::create("cltmtu");
  REQUIRE(device.ok());
  REQUIRE((*device)->set_mtu(1280).ok());
  CHECK(*(*device)->mtu() == 1280);
  CHECK_FALSE(*(*device)->is_up());
  CHECK_FALSE((*device)->set_mtu(-1).ok());
}

}  // namespace
}  // namespace connlib::shells

int main(int argc, char** argv) {
  if (access("/dev/net/tun", R_OK | W_OK) != 0) {
    std::puts("skipped: /dev/net/tun cannot be opened");
    return 77;
  }
  if (unshare(CLONE_NEWNET) != 0) {
    std::puts("skipped: a network namespace of our own needs root");
    return 77;
  }
  return Catch::Session().run(argc, argv);
}
