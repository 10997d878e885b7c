#include "shells/relay/announced_address.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace connlib::relay {
namespace {

SocketAddress at(const char* text) { return *SocketAddress::parse(text); }
const SocketAddress kOne = at("198.41.0.4:3478");
const SocketAddress kTwo = at("198.41.0.5:3478");

std::string why(const absl::StatusOr<IpAddress>& result) {
  REQUIRE(absl::IsFailedPrecondition(result.status()));
  return std::string(result.status().message());
}
bool says(const absl::StatusOr<IpAddress>& result, const char* words) {
  CAPTURE(why(result));
  return why(result).find(words) != std::string::npos;
}

TEST_CASE("the address is what all servers see that answer, from every port of ours") {
  const std::vector<Observation> seen{{kOne, 3478, at("93.184.216.34:3478")},
                                      {kTwo, 3478, std::nullopt},
                                      {kOne, 50123, at("93.184.216.34:50123")}};
  CHECK(announced_address(seen, false).value() == *IpAddress::parse("93.184.216.34"));
}

TEST_CASE("a NAT that gives our port another number is named, be it at the second port only") {
  const bool at_first = GENERATE(true, false);
  const std::vector<Observation> seen{
      {kOne, 3478, at(at_first ? "93.184.216.34:1024" : "93.184.216.34:3478")},
      {kOne, 50123, at("93.184.216.34:1025")}};
  const auto result = announced_address(seen, false);
  CHECK(says(result, "one to one"));
  CHECK(says(result, at_first ? "port 3478 of this host is port 1024"
                              : "port 50123 of this host is port 1025"));
}

TEST_CASE("servers that see different addresses leave the choice to the operator") {
  const std::vector<Observation> seen{{kOne, 3478, at("93.184.216.34:3478")},
                                      {kTwo, 3478, at("93.184.216.35:3478")}};
  const auto result = announced_address(seen, false);
  CHECK(says(result, "93.184.216.34"));
  CHECK(says(result, "93.184.216.35"));
}

TEST_CASE("without an answer the silent servers are named, each once") {
  const std::vector<Observation> seen{
      {kOne, 3478, std::nullopt}, {kTwo, 3478, std::nullopt}, {kOne, 50123, std::nullopt}};
  CHECK(says(announced_address(seen, true),
             "no STUN server answered: 198.41.0.4:3478, "
             "198.41.0.5:3478"));
  CHECK(why(announced_address({}, true)).find("no STUN server") == 0);
}

TEST_CASE("what a server sees is announced only if clients can reach it") {
  const auto [address, if_public, if_private] = GENERATE(table<const char*, bool, bool>({
      {"93.184.216.34:3478", true, true},
      {"[2606:2800:220:1::1]:3478", true, true},
      {"10.1.2.3:3478", false, true},
      {"100.64.0.1:3478", false, true},
      {"[fd00::1]:3478", false, true},
      {"127.0.0.1:3478", false, false},
      {"169.254.1.1:3478", false, false},
      {"224.0.0.1:3478", false, false},
      {"0.0.0.0:3478", false, false},
      {"[::ffff:93.184.216.34]:3478", false, false},
      {"[fe80::1]:3478", false, false},
  }));
  CAPTURE(address);
  const std::vector<Observation> seen{{kOne, 3478, at(address)}};
  CHECK(announced_address(seen, false).ok() == if_public);
  CHECK(announced_address(seen, true).ok() == if_private);
  CHECK(host_address(at(address).ip, false).ok() == if_public);
  CHECK(host_address(at(address).ip, true).ok() == if_private);
}

TEST_CASE("a host with a private address is told what would help") {
  CHECK(says(host_address(*IpAddress::parse("192.168.1.5"), false), "--stun-server"));
}

}  // namespace
}  // namespace connlib::relay
