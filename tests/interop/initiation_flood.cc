// initiation_flood: sends WireGuard initiations of a stranger from many source addresses, as an
// attacker who knows a public key can, and counts the answers. The addresses of --sources must be
// local here (`ip route add local PREFIX dev lo`), so that answers come back.
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connlib/base/ip.h"
#include "connlib/base/random_source.h"
#include "wireguard/cookie/macs.h"
#include "wireguard/noise/handshake.h"

namespace connlib::interop {
namespace {

using wireguard::kInitiationBytes;
using Clock = std::chrono::steady_clock;
using Datagram = std::array<uint8_t, kInitiationBytes>;

constexpr size_t kMac1Offset = 116;
constexpr size_t kBatch = 64;
// Enough that no responder can tell them apart by content; each costs 100 µs to make.
constexpr size_t kTemplates = 256;

// StrangerInitiations are initiations by a key that is no peer: everything in them decrypts, so
// they cost the responder as much as a stranger can make him spend.
class StrangerInitiations {
 public:
  static std::optional<StrangerInitiations> create(const PublicKey& responder,
                                                   RandomSource& random) {
    const auto stranger = wireguard::DhKey::generate(random);
    const auto remote = wireguard::RemoteIdentity::create(stranger, responder, {});
    if (!remote) return std::nullopt;
    StrangerInitiations out(responder, random);
    const auto stamp = wireguard::Tai64n::encode(std::time(nullptr), 0);
    for (Datagram& datagram : out.templates_) {
      if (!create_initiation(*remote, stranger, wireguard::SessionIndex(0), stamp, random,
                             datagram)) {
        return std::nullopt;
      }
    }
    return out;
  }

  // next() differs from all before by its sender index, and so by its mac1.
  Datagram next(bool has_right_mac1) {
    Datagram datagram = templates_[made_++ % kTemplates];
    random_->fill(std::span(datagram).subspan(4, 4));
    macs_.stamp({}, datagram);
    if (!has_right_mac1) datagram[kMac1Offset] ^= 1;
    return datagram;
  }

 private:
  StrangerInitiations(const PublicKey& responder, RandomSource& random)
      : templates_(kTemplates), macs_(responder), random_(&random) {}

  std::vector<Datagram> templates_;
  wireguard::CookieHolder macs_;
  RandomSource* random_;
  size_t made_ = 0;
};

// ManyAddresses is a UDP socket that sends each datagram from a random address of a prefix.
class ManyAddresses {
 public:
  ManyAddresses(const IpPrefix& sources, const SocketAddress& to, RandomSource& random)
      : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)),
        host_bits_((uint32_t{1} << (32 - sources.length())) - 1),
        random_(&random) {
    std::memcpy(&network_, sources.address().v4()->bytes.data(), sizeof network_);
    to_.sin_family = AF_INET;
    to_.sin_port = htons(to.port);
    std::memcpy(&to_.sin_addr, to.ip.v4()->bytes.data(), sizeof to_.sin_addr);
  }
  ManyAddresses(const ManyAddresses&) = delete;
  ManyAddresses& operator=(const ManyAddresses&) = delete;
  ~ManyAddresses() { close(fd_); }

  bool send(Datagram& datagram) {
    iovec part{datagram.data(), datagram.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in_pktinfo))> control{};
    msghdr message{};
    message.msg_name = &to_;
    message.msg_namelen = sizeof to_;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    in_pktinfo source{};
    source.ipi_spec_dst.s_addr = network_ | htonl(random_->next_u32() & host_bits_);
    auto* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = IPPROTO_IP;
    header->cmsg_type = IP_PKTINFO;
    header->cmsg_len = CMSG_LEN(sizeof source);
    std::memcpy(CMSG_DATA(header), &source, sizeof source);
    while (sendmsg(fd_, &message, 0) < 0) {
      if (errno != EAGAIN && errno != ENOBUFS) return false;
      wait(POLLOUT, 100);
    }
    return true;
  }

  // receive() takes what waits: how many cookie replies, and how many other datagrams.
  void receive(uint64_t& cookies, uint64_t& others) {
    std::array<uint8_t, 2048> buffer{};
    for (;;) {
      const ssize_t n = recv(fd_, buffer.data(), buffer.size(), 0);
      if (n < 0) return;
      const auto datagram = std::span(buffer).first(static_cast<size_t>(n));
      ++(wireguard::CookieReply::parse(datagram) ? cookies : others);
    }
  }

  void wait(short events, int milliseconds) const {
    pollfd self{fd_, events, 0};
    poll(&self, 1, milliseconds);
  }

 private:
  int fd_;
  sockaddr_in to_{};
  uint32_t network_ = 0;
  uint32_t host_bits_;
  RandomSource* random_;
};

struct Arguments {
  std::string to;
  std::string key;
  std::string sources = "198.18.0.0/15";
  uint64_t count = 100000;
  uint64_t per_second = 10000;
  uint32_t wrong_percent = 0;
};

int fail(const char* why) {
  fmt::print(stderr, "initiation_flood: {}\n", why);
  return 1;
}

int flood(const Arguments& arguments, StrangerInitiations& initiations, ManyAddresses& socket,
          RandomSource& random) {
  uint64_t wrong = 0;
  uint64_t cookies = 0;
  uint64_t others = 0;
  const auto begin = Clock::now();
  for (uint64_t sent = 0; sent < arguments.count; ++sent) {
    const bool is_wrong = random.below(100) < arguments.wrong_percent;
    Datagram datagram = initiations.next(!is_wrong);
    if (!socket.send(datagram)) return fail(std::strerror(errno));  // NOLINT(concurrency-mt-unsafe)
    wrong += is_wrong ? 1 : 0;
    if (sent % kBatch != 0) continue;
    socket.receive(cookies, others);
    const auto due = begin + std::chrono::nanoseconds(sent * 1'000'000'000 / arguments.per_second);
    for (auto now = begin; (now = Clock::now()) < due;) {
      socket.wait(POLLIN, static_cast<int>(std::max<int64_t>(1, (due - now) / 1ms)));
      socket.receive(cookies, others);
    }
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  socket.wait(POLLIN, 500);
  socket.receive(cookies, others);
  fmt::print("sent={} wrong_mac1={} cookies={} others={} per_second={:.0f}\n", arguments.count,
             wrong, cookies, others, static_cast<double>(arguments.count) / seconds);
  return 0;
}

int run(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Sends initiations of a stranger from many addresses.", "initiation_flood");
  app.add_option("--to", arguments.to, "ADDRESS:PORT, IPv4")->required();
  app.add_option("--key", arguments.key, "public key of the responder, base64")->required();
  app.add_option("--sources", arguments.sources, "prefix of the source addresses, IPv4");
  app.add_option("--count", arguments.count, "how many")->check(CLI::PositiveNumber);
  app.add_option("--per-second", arguments.per_second)->check(CLI::PositiveNumber);
  app.add_option("--wrong-percent", arguments.wrong_percent, "share with a wrong mac1");
  CLI11_PARSE(app, argc, argv);

  const auto to = SocketAddress::parse(arguments.to);
  const auto key = PublicKey::parse_base64(arguments.key);
  const auto sources = IpPrefix::parse(arguments.sources);
  if (!to || !to->ip.is_v4() || !key || !sources || !sources->address().is_v4() ||
      sources->length() == 0) {
    return fail("bad address, key or prefix");
  }
  SeededRandom random(std::random_device{}());
  auto initiations = StrangerInitiations::create(*key, random);
  if (!initiations) return fail("nobody can talk to this key");
  ManyAddresses socket(*sources, *to, random);
  return flood(arguments, *initiations, socket, random);
}

}  // namespace
}  // namespace connlib::interop

// NOLINTNEXTLINE(bugprone-exception-escape): a test tool may end by one.
int main(int argc, char** argv) { return connlib::interop::run(argc, argv); }
