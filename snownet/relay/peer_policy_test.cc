#include "snownet/relay/peer_policy.h"

#include <catch2/catch.hpp>

namespace connlib::snownet::relay {
namespace {

SocketAddress peer(const char* ip, uint16_t port = 51820) { return {*IpAddress::parse(ip), port}; }

TEST_CASE("peers are judged by the network their address leads to") {
  using enum AddressScope;
  auto [address, scope] = GENERATE(table<const char*, AddressScope>({
      {"0.0.0.0", kForbidden},
      {"0.1.2.3", kForbidden},
      {"127.0.0.1", kForbidden},
      {"127.255.255.254", kForbidden},
      {"169.254.169.254", kForbidden},  // Where clouds keep credentials.
      {"224.0.0.1", kForbidden},
      {"239.255.255.250", kForbidden},
      {"240.0.0.1", kForbidden},
      {"255.255.255.255", kForbidden},
      {"10.0.0.1", kPrivate},
      {"100.64.0.1", kPrivate},
      {"100.127.255.255", kPrivate},
      {"172.16.0.1", kPrivate},
      {"172.31.255.255", kPrivate},
      {"192.0.0.8", kPrivate},
      {"192.0.2.1", kPrivate},
      {"192.168.1.1", kPrivate},
      {"198.18.0.1", kPrivate},
      {"198.19.255.255", kPrivate},
      {"198.51.100.1", kPrivate},
      {"203.0.113.1", kPrivate},
      {"9.255.255.255", kPublic},
      {"11.0.0.0", kPublic},
      {"100.63.255.255", kPublic},
      {"100.128.0.0", kPublic},
      {"172.15.255.255", kPublic},
      {"172.32.0.0", kPublic},
      {"198.20.0.0", kPublic},
      {"223.255.255.255", kPublic},
      {"::", kForbidden},
      {"::1", kForbidden},
      {"::7f00:1", kForbidden},          // IPv4-compatible
      {"::ffff:127.0.0.1", kForbidden},  // IPv4-mapped
      {"::ffff:8.8.8.8", kForbidden},
      {"fe80::1", kForbidden},
      {"febf::1", kForbidden},
      {"fec0::1", kForbidden},
      {"ff02::1", kForbidden},
      {"64:ff9b::127.0.0.1", kForbidden},  // NAT64
      {"64:ff9b::10.0.0.1", kPrivate},
      {"64:ff9b::8.8.8.8", kPublic},
      {"64:ff9b:1::8.8.8.8", kPrivate},
      {"2002:7f00:1::", kForbidden},  // 6to4
      {"2002:a00:1::", kPrivate},
      {"2002:808:808::1", kPublic},
      {"2001::1", kPrivate},  // Teredo
      {"2001:db8::1", kPrivate},
      {"3fff::1", kPrivate},
      {"100::1", kPrivate},
      {"fc00::1", kPrivate},
      {"fdff::1", kPrivate},
      {"2001:200::1", kPublic},
      {"2606:4700::1111", kPublic},
  }));
  CAPTURE(address);
  CHECK(scope_of(*IpAddress::parse(address)) == scope);
}

TEST_CASE("private peers need a flag, forbidden ones stay forbidden with it") {
  const PeerPolicy strict({});
  const PeerPolicy lenient({.allows_private_peers = true, .own_addresses = {}});
  CHECK(strict.allows(peer("8.8.8.8")));
  CHECK_FALSE(strict.allows(peer("10.0.0.1")));
  CHECK(lenient.allows(peer("10.0.0.1")));
  CHECK(lenient.allows(peer("fd00::1")));
  CHECK_FALSE(lenient.allows(peer("127.0.0.1")));
  CHECK_FALSE(lenient.allows(peer("169.254.169.254")));
  CHECK_FALSE(lenient.allows(peer("::1")));
}

TEST_CASE("nobody can be reached at port 0 or at an address of the relay's host") {
  const PeerPolicy policy(
      {.allows_private_peers = true,
       .own_addresses = {*IpAddress::parse("5.9.10.11"), *IpAddress::parse("10.0.0.5"),
                         *IpAddress::parse("2a01:4f8::11")}});
  CHECK_FALSE(policy.allows(peer("8.8.8.8", 0)));
  CHECK_FALSE(policy.allows(peer("5.9.10.11")));
  CHECK_FALSE(policy.allows(peer("10.0.0.5")));
  CHECK_FALSE(policy.allows(peer("2a01:4f8::11")));
  CHECK_FALSE(policy.allows(peer("64:ff9b::5.9.10.11")));
  CHECK_FALSE(policy.allows(peer("2002:509:a0b::1")));
  CHECK(policy.allows(peer("10.0.0.6")));
}

}  // namespace
}  // namespace connlib::snownet::relay
