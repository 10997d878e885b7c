#include "snownet/ice/candidate.h"

#include <catch2/catch.hpp>

#include "snownet/ice/candidate_text.h"
#include "snownet/ice/credentials.h"
#include "snownet/ice/priority.h"

namespace connlib::snownet::ice {
namespace {

SocketAddress at(std::string_view text) { return *SocketAddress::parse(text); }

TEST_CASE("addresses nobody can be reached at are refused, loopback is not") {
  auto [address, usable] = GENERATE(table<std::string, bool>({
      {"192.0.2.1:1", true},
      {"10.0.0.1:65535", true},
      {"127.0.0.1:80", true},
      {"[::1]:80", true},
      {"[fe80::1]:80", true},
      {"192.0.2.1:0", false},
      {"0.0.0.0:80", false},
      {"255.255.255.255:80", false},
      {"224.0.0.1:80", false},
      {"169.254.1.1:80", false},
      {"[::]:80", false},
      {"[ff02::1]:80", false},
      {"[::ffff:169.254.169.254]:80", false},
  }));
  CAPTURE(address);
  CHECK(is_usable(at(address)) == usable);
}

TEST_CASE("priorities have the values that peers compute") {
  const Candidate host6 = Candidate::host(at("[2001:db8::1]:1"));
  const Candidate host4 = Candidate::host(at("192.0.2.1:1"));
  const auto relay = [](const char* address, IpFamily via) {
    return Candidate::relayed(at(address), via);
  };
  auto [what, candidate, earlier, expected] =
      GENERATE_COPY(table<const char*, Candidate, size_t, uint32_t>({
          {"first host v6", host6, 0, 2130706431},
          {"first host v4", host4, 0, 2130706175},
          {"second host v6", host6, 1, 2130706431 - 2 * 256},
          {"second host v4", host4, 1, 2130706175 - 2 * 256},
          {"relay v6 via v6", relay("[2001:db8::9]:1", IpFamily::kV6), 0, 37748735},
          {"relay v4 via v4", relay("192.0.2.9:1", IpFamily::kV4), 0, 37748479},
          {"relay v6 via v4", relay("[2001:db8::9]:1", IpFamily::kV4), 0, 37492735},
          {"after very many", host6, 1'000'000, 126U << 24U | 255U},
      }));
  CAPTURE(what);
  CHECK(candidate_priority(candidate.kind, local_preference(candidate, earlier)) == expected);
}

TEST_CASE("a check asks for the peer-reflexive priority of its local candidate") {
  CHECK(peer_reflexive_priority(2130706431) == (110U << 24U | 65535U << 8U | 255U));
  CHECK(peer_reflexive_priority(37748735) == (110U << 24U | 16383U << 8U | 255U));
}

TEST_CASE("both ends compute the same pair priority") {
  auto [a, b, expected] = GENERATE(table<uint32_t, uint32_t, uint64_t>({
      {2130706431, 37748735, (37748735ULL << 32U) + 2 * 2130706431ULL + 1},
      {37748735, 2130706431, (37748735ULL << 32U) + 2 * 2130706431ULL},
      {7, 7, (7ULL << 32U) + 14},
      {UINT32_MAX, UINT32_MAX, UINT64_MAX},
  }));
  CHECK(pair_priority(Role::kControlling, a, b) == expected);
  CHECK(pair_priority(Role::kControlled, b, a) == expected);
}

TEST_CASE("a local candidate is written as one line, without its real related address") {
  Candidate host = Candidate::host(at("192.0.2.1:52625"));
  host.priority = 2130706175;
  Candidate reflexive = Candidate::server_reflexive(at("203.0.113.1:4000"), host.address);
  reflexive.priority = 1;
  Candidate relayed = Candidate::relayed(at("[2001:db8::9]:50000"), IpFamily::kV6);
  relayed.priority = 37748735;
  CHECK(to_text(host, "abcd") ==
        "candidate:" + foundation(host) + " 1 udp 2130706175 192.0.2.1 52625 typ host ufrag abcd");
  CHECK(to_text(reflexive, "abcd") ==
        "candidate:" + foundation(reflexive) +
            " 1 udp 1 203.0.113.1 4000 typ srflx raddr 0.0.0.0 rport 0 ufrag abcd");
  CHECK(to_text(relayed, "") == "candidate:" + foundation(relayed) +
                                    " 1 udp 37748735 2001:db8::9 50000 typ relay raddr :: rport 0");
  CHECK(foundation(host) != foundation(reflexive));

  const auto read = parse_candidate(to_text(relayed, "abcd"));
  REQUIRE(read.has_value());
  CHECK(read->ufrag == "abcd");
  CHECK(read->candidate ==
        Candidate::remote(CandidateKind::kRelayed, relayed.address, relayed.priority));
}

TEST_CASE("candidate lines of others are read leniently where nothing is at stake") {
  auto [what, line] = GENERATE(table<const char*, std::string>({
      {"bare", "candidate:1 1 udp 100 192.0.2.1 80 typ srflx"},
      {"upper case transport", "candidate:1 1 UDP 100 192.0.2.1 80 typ srflx"},
      {"unknown keys", "candidate:1 1 udp 100 192.0.2.1 80 typ srflx generation 0 gen 3"},
      {"related address", "candidate:1 1 udp 100 192.0.2.1 80 typ srflx raddr 10.0.0.1 rport 9"},
      {"double spaces", "candidate:1  1 udp 100 192.0.2.1 80  typ srflx "},
  }));
  CAPTURE(what);
  const auto read = parse_candidate(line);
  REQUIRE(read.has_value());
  CHECK(read->candidate ==
        Candidate::remote(CandidateKind::kServerReflexive, at("192.0.2.1:80"), 100));
  CHECK(read->ufrag.empty());
}

TEST_CASE("a peer-reflexive candidate may be signalled") {
  const auto read = parse_candidate("candidate:1 1 udp 5 192.0.2.1 80 typ prflx ufrag aB3d");
  REQUIRE(read.has_value());
  CHECK(read->candidate.kind == CandidateKind::kPeerReflexive);
  CHECK(read->ufrag == "aB3d");
}

TEST_CASE("broken candidate lines are refused") {
  auto [what, line] = GENERATE(table<const char*, std::string>({
      {"empty", ""},
      {"no prefix", "1 1 udp 100 192.0.2.1 80 typ host"},
      {"attribute prefix", "a=candidate:1 1 udp 100 192.0.2.1 80 typ host"},
      {"second component", "candidate:1 2 udp 100 192.0.2.1 80 typ host"},
      {"TCP", "candidate:1 1 tcp 100 192.0.2.1 80 typ host"},
      {"priority too large", "candidate:1 1 udp 4294967296 192.0.2.1 80 typ host"},
      {"negative priority", "candidate:1 1 udp -1 192.0.2.1 80 typ host"},
      {"a name", "candidate:1 1 udp 100 7c2a.local 80 typ host"},
      {"port 0", "candidate:1 1 udp 100 192.0.2.1 0 typ host"},
      {"port too large", "candidate:1 1 udp 100 192.0.2.1 65536 typ host"},
      {"multicast", "candidate:1 1 udp 100 224.0.0.1 80 typ host"},
      {"unknown kind", "candidate:1 1 udp 100 192.0.2.1 80 typ turn"},
      {"no kind", "candidate:1 1 udp 100 192.0.2.1 80"},
      {"key without value", "candidate:1 1 udp 100 192.0.2.1 80 typ host ufrag"},
      {"bad related address", "candidate:1 1 udp 100 192.0.2.1 80 typ host raddr x rport 0"},
      {"bad related port", "candidate:1 1 udp 100 192.0.2.1 80 typ host raddr :: rport x"},
      {"foundation too long",
       "candidate:" + std::string(33, 'f') + " 1 udp 100 192.0.2.1 80 typ host"},
      {"far too long", "candidate:1 1 udp 100 192.0.2.1 80 typ host" + std::string(1024, ' ')},
  }));
  CAPTURE(what);
  CHECK_FALSE(parse_candidate(line).has_value());
}

TEST_CASE("credentials are taken only in the alphabet and lengths of ICE") {
  const std::string password(22, 'p');
  auto [ufrag, secret, valid] = GENERATE_COPY(table<std::string, std::string, bool>({
      {"aB3d", password, true},
      {"a+/9", password, true},
      {std::string(64, 'u'), std::string(256, 'p'), true},
      {"abc", password, false},
      {"ab:d", password, false},
      {"aB3d", password.substr(1), false},
      {std::string(65, 'u'), password, false},
      {"aB3d", std::string(257, 'p'), false},
      {"aB3d", std::string(22, '\0'), false},
  }));
  CAPTURE(ufrag, secret.size());
  CHECK(Credentials::of(ufrag, secret).has_value() == valid);
}

}  // namespace
}  // namespace connlib::snownet::ice
