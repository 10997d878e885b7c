#include "connlib/dns/resource_stub.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/dns/answer.h"
#include "connlib/dns/message_builder.h"
#include "tests/support/packets.h"

namespace connlib::dns {
namespace {

using connlib::testing::address;

const ResourceId kGitlab{"1-gitlab"};
const ResourceId kWiki{"2-wiki"};

Question ask(const std::string& name, RecordType type = RecordType::kA) {
  return {*Name::parse(name), type, RecordClass::kIn};
}

std::vector<std::string> addresses(const StubDecision& decision) {
  std::vector<std::string> out;
  const auto& answer = std::get<AnswerAddresses>(decision);
  for (uint32_t i = 0; answer.is_supported && i < kProxiesPerFamily; ++i) {
    out.push_back(to_text(answer.assignment->proxy(answer.family, i)));
  }
  return out;
}

enum class Kind { kUpstream, kEmpty, kNxdomain, kAddresses, kPointer, kSite };
Kind kind_of(const StubDecision& decision) {
  switch (decision.index()) {
    case 0:
      return Kind::kUpstream;
    case 1:
      return std::get<AnswerCode>(decision).code == ResponseCode::kNameError ? Kind::kNxdomain
                                                                             : Kind::kEmpty;
    case 2:
      return std::get<AnswerAddresses>(decision).is_supported ? Kind::kAddresses : Kind::kEmpty;
    case 3:
      return Kind::kPointer;
    default:
      return Kind::kSite;
  }
}

TEST_CASE("the stub answers as the table of spec tunnel 3.4 says") {
  ResourceStub stub;
  REQUIRE(stub.add(kGitlab, "*.Gitlab.example.com", IpStack::kDual));
  REQUIRE(stub.add(kWiki, "four.example.com", IpStack::kIpv4Only));
  REQUIRE(kind_of(stub.decide(ask("first.gitlab.example.com"))) == Kind::kAddresses);
  const auto any = static_cast<RecordType>(255);
  const auto caa = static_cast<RecordType>(257);
  const auto [name, type, expect] = GENERATE_COPY(table<std::string, RecordType, Kind>({
      {"use-application-dns.net", RecordType::kA, Kind::kNxdomain},
      {"USE-application-dns.NET", RecordType::kTxt, Kind::kNxdomain},
      {"use-application-dns.net", RecordType::kHttps, Kind::kNxdomain},
      {"a.use-application-dns.net", RecordType::kA, Kind::kUpstream},
      {"x.gitlab.example.com", RecordType::kA, Kind::kAddresses},
      {"x.gitlab.example.com", RecordType::kAaaa, Kind::kAddresses},
      {"X.gItlab.example.com", RecordType::kA, Kind::kAddresses},
      {"gitlab.example.com", RecordType::kA, Kind::kAddresses},
      {"x.y.gitlab.example.com", RecordType::kA, Kind::kUpstream},
      {"four.example.com", RecordType::kA, Kind::kAddresses},
      {"four.example.com", RecordType::kAaaa, Kind::kEmpty},
      {"example.org", RecordType::kA, Kind::kUpstream},
      {"example.org", RecordType::kAaaa, Kind::kUpstream},
      {"x.gitlab.example.com", RecordType::kHttps, Kind::kEmpty},
      {"x.gitlab.example.com", RecordType::kSvcb, Kind::kEmpty},
      {"example.org", RecordType::kHttps, Kind::kUpstream},
      {"example.org", RecordType::kSvcb, Kind::kUpstream},
      {"x.gitlab.example.com", RecordType::kSrv, Kind::kSite},
      {"x.gitlab.example.com", RecordType::kTxt, Kind::kSite},
      {"example.org", RecordType::kSrv, Kind::kUpstream},
      {"example.org", RecordType::kTxt, Kind::kUpstream},
      {"1.0.96.100.in-addr.arpa", RecordType::kPtr, Kind::kPointer},
      {"0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.1.1.1.1.1.2.0.2.0.0.d.f.ip6.arpa", RecordType::kPtr,
       Kind::kPointer},
      {"5.0.96.100.in-addr.arpa", RecordType::kPtr, Kind::kUpstream},
      {"1.111.100.100.in-addr.arpa", RecordType::kPtr, Kind::kUpstream},
      {"8.8.8.8.in-addr.arpa", RecordType::kPtr, Kind::kUpstream},
      {"x.gitlab.example.com", RecordType::kPtr, Kind::kUpstream},
      {"x.gitlab.example.com", RecordType::kMx, Kind::kUpstream},
      {"x.gitlab.example.com", RecordType::kNs, Kind::kUpstream},
      {"x.gitlab.example.com", RecordType::kCname, Kind::kUpstream},
      {"x.gitlab.example.com", any, Kind::kUpstream},
      {"x.gitlab.example.com", caa, Kind::kUpstream},
  }));
  CAPTURE(name, static_cast<int>(type));
  CHECK(kind_of(stub.decide(ask(name, type))) == expect);
}

TEST_CASE("a name gets four addresses of each family, its own and always the same") {
  ResourceStub stub;
  stub.add(kGitlab, "*.example.com", IpStack::kDual);
  const auto a4 = addresses(stub.decide(ask("a.example.com")));
  CHECK(a4 == std::vector<std::string>{"100.96.0.1", "100.96.0.2", "100.96.0.3", "100.96.0.4"});
  const auto b6 = addresses(stub.decide(ask("b.example.com", RecordType::kAaaa)));
  CHECK(b6.front() == "fd00:2021:1111:8000::4");
  CHECK(addresses(stub.decide(ask("A.EXAMPLE.com"))) == a4);
  CHECK(addresses(stub.decide(ask("a.example.com", RecordType::kAaaa))).front() ==
        "fd00:2021:1111:8000::");
}

TEST_CASE("the stack is applied when answering: changing it moves no address") {
  ResourceStub stub;
  stub.add(kGitlab, "a.example.com", IpStack::kIpv4Only);
  const auto before = addresses(stub.decide(ask("a.example.com")));
  CHECK(addresses(stub.decide(ask("a.example.com", RecordType::kAaaa))).empty());
  stub.add(kGitlab, "a.example.com", IpStack::kDual);
  CHECK(addresses(stub.decide(ask("a.example.com"))) == before);
  CHECK(addresses(stub.decide(ask("a.example.com", RecordType::kAaaa))).size() == 4);
}

TEST_CASE("one name of a v4-only and a v6-only resource has both families") {
  ResourceStub stub;
  stub.add(kGitlab, "a.example.com", IpStack::kIpv4Only);
  stub.add(kWiki, "a.example.com", IpStack::kIpv6Only);
  const auto decision = stub.decide(ask("a.example.com"));
  CHECK(addresses(decision).size() == 4);
  CHECK(addresses(stub.decide(ask("a.example.com", RecordType::kAaaa))).size() == 4);
  const auto& matches = std::get<AnswerAddresses>(decision).assignment->matches;
  CHECK(matches ==
        std::vector<Assignment::Match>{{"a.example.com", kWiki}, {"a.example.com", kGitlab}});
}

TEST_CASE("SRV and TXT go to the site of the best resource") {
  ResourceStub stub;
  stub.add(kWiki, "**.example.com", IpStack::kDual);
  stub.add(kGitlab, "*.example.com", IpStack::kDual);
  const auto site = [&](const std::string& name) {
    return std::get<AskSite>(stub.decide(ask(name, RecordType::kSrv))).resource;
  };
  CHECK(site("_sip.example.com") == kGitlab);
  CHECK(site("_sip._udp.example.com") == kWiki);
  stub.add(kWiki, "*.example.com", IpStack::kDual);
  CHECK(site("_sip.example.com") == kWiki);  // The higher id.
}

TEST_CASE("a name asked before its resource came, and after it left, is for upstream") {
  ResourceStub stub;
  CHECK(kind_of(stub.decide(ask("a.example.com"))) == Kind::kUpstream);
  stub.add(kGitlab, "a.example.com", IpStack::kDual);
  const auto before = addresses(stub.decide(ask("a.example.com")));
  stub.remove(kGitlab);
  CHECK(kind_of(stub.decide(ask("a.example.com"))) == Kind::kUpstream);
  CHECK(stub.assignments_of(kGitlab).empty());
  stub.add(kGitlab, "a.example.com", IpStack::kDual);
  // Its routes hold again without a new query.
  REQUIRE(stub.assignments_of(kGitlab).size() == 1);
  CHECK(addresses(stub.decide(ask("a.example.com"))) == before);
}

TEST_CASE("a resource under a new pattern loses the names of the old one, they keep addresses") {
  ResourceStub stub;
  stub.add(kGitlab, "*.old.example.com", IpStack::kDual);
  const auto before = addresses(stub.decide(ask("a.old.example.com")));
  CHECK(stub.take_changed_records());
  stub.add(kGitlab, "*.new.example.com", IpStack::kDual);
  CHECK(stub.take_changed_records());
  CHECK(stub.assignments_of(kGitlab).empty());
  CHECK(stub.assignments().all().front().matches.empty());
  CHECK(kind_of(stub.decide(ask("a.old.example.com"))) == Kind::kUpstream);
  stub.add(kWiki, "a.old.example.com", IpStack::kDual);
  CHECK(addresses(stub.decide(ask("a.old.example.com"))) == before);
}

TEST_CASE("records change with new and purged assignments, not with every query") {
  ResourceStub stub;
  stub.add(kGitlab, "*.example.com", IpStack::kDual);
  CHECK_FALSE(stub.take_changed_records());
  CHECK(std::get<AnswerAddresses>(stub.decide(ask("a.example.com"))).has_changed);
  CHECK(stub.take_changed_records());
  CHECK_FALSE(std::get<AnswerAddresses>(stub.decide(ask("a.example.com"))).has_changed);
  CHECK_FALSE(stub.take_changed_records());
  stub.add(kGitlab, "*.example.com", IpStack::kIpv4Only);  // Another stack, the same names.
  CHECK_FALSE(std::get<AnswerAddresses>(stub.decide(ask("a.example.com"))).has_changed);
  CHECK_FALSE(stub.take_changed_records());
}

TEST_CASE("addresses survive into a new session") {
  ResourceStub first;
  first.add(kGitlab, "*.example.com", IpStack::kDual);
  first.decide(ask("a.example.com"));
  const auto before = addresses(first.decide(ask("b.example.com")));
  ResourceStub second(std::move(first).release_assignments());
  second.add(kGitlab, "*.example.com", IpStack::kDual);
  CHECK(second.assignments_of(kGitlab).size() == 2);
  CHECK(addresses(second.decide(ask("b.example.com"))) == before);
  CHECK(addresses(second.decide(ask("c.example.com"))).front() == "100.96.0.9");
}

TEST_CASE("a bad pattern has no effect, and unseats the good one it replaced") {
  ResourceStub stub;
  CHECK_FALSE(stub.add(kGitlab, "a..b", IpStack::kDual));
  stub.add(kGitlab, "a.b", IpStack::kDual);
  CHECK_FALSE(stub.add(kGitlab, "***", IpStack::kDual));
  CHECK(kind_of(stub.decide(ask("a.b"))) == Kind::kUpstream);
}

TEST_CASE("when all addresses are gone, new names fail and old ones stay") {
  ResourceStub stub;
  stub.add(kGitlab, "**.x", IpStack::kDual);
  for (uint32_t i = 0; i < AssignmentTable::kMaxAssignments; ++i) {
    stub.decide(ask(std::to_string(i) + ".x"));
  }
  const auto decision = stub.decide(ask("one-more.x"));
  CHECK(std::get<AnswerCode>(decision).code == ResponseCode::kServerFailure);
  CHECK(addresses(stub.decide(ask("0.x"))).front() == "100.96.0.1");
  const auto last = std::to_string(AssignmentTable::kMaxAssignments - 1) + ".x";
  CHECK(addresses(stub.decide(ask(last))).size() == 4);
}

std::vector<uint8_t> query(const Question& question, std::optional<Edns> edns = {}) {
  std::vector<uint8_t> buffer(512);
  MessageBuilder builder(buffer, {.id = 77, .recursion_desired = true});
  builder.add_question(question);
  if (edns) builder.add_edns(*edns);
  const auto message = builder.finish();
  return {message->begin(), message->end()};
}

TEST_CASE("an answer repeats the question letter for letter, with TTL 1") {
  ResourceStub stub;
  stub.add(kGitlab, "*.example.com", IpStack::kDual);
  const auto bytes = query(ask("A.eXample.COM"));
  std::array<uint8_t, kMaxUdpPayloadBytes> out{};
  const auto request = Message::parse(bytes);
  const auto written = write_decision(*request, stub.decide(*request->question()), out);
  REQUIRE(written.has_value());
  const auto answer = Message::parse(*written);
  CHECK(answer->id() == 77);
  CHECK(answer->header().is_response);
  CHECK(answer->header().recursion_available);
  CHECK(to_text(answer->question()->name) == "A.eXample.COM");
  CHECK_FALSE(answer->edns().has_value());
  std::set<IpAddress> seen;
  for (const Record record : answer->records(Section::kAnswer)) {
    CHECK(to_text(record.owner()) == "A.eXample.COM");
    CHECK(record.ttl_seconds() == 1);
    seen.insert(*record.address());
  }
  CHECK(seen.size() == 4);
}

TEST_CASE("a reverse query for a proxy is answered with the name, TTL 1") {
  ResourceStub stub;
  stub.add(kGitlab, "*.example.com", IpStack::kDual);
  stub.decide(ask("a.example.com"));
  const auto bytes = query(ask("3.0.96.100.in-addr.arpa", RecordType::kPtr));
  std::array<uint8_t, 512> out{};
  const auto request = Message::parse(bytes);
  const auto written = write_decision(*request, stub.decide(*request->question()), out);
  const auto answer = Message::parse(*written);
  const Record record = *answer->records(Section::kAnswer).begin();
  CHECK(to_text(*record.target()) == "a.example.com");
  CHECK(record.ttl_seconds() == 1);
}

TEST_CASE("EDNS is answered with EDNS, an unknown version with BADVERS") {
  const auto version = GENERATE(uint8_t{0}, uint8_t{1});
  ResourceStub stub;
  stub.add(kGitlab, "*.example.com", IpStack::kDual);
  const auto bytes = query(ask("a.example.com"),
                           Edns{.udp_payload_bytes = 4096, .version = version, .dnssec_ok = true});
  std::array<uint8_t, 512> out{};
  const auto request = Message::parse(bytes);
  const auto written = write_decision(*request, stub.decide(*request->question()), out);
  const auto answer = Message::parse(*written);
  REQUIRE(answer->edns().has_value());
  CHECK(answer->edns()->udp_payload_bytes == kMaxUdpPayloadBytes);
  CHECK(answer->edns()->version == 0);
  CHECK(answer->edns()->extended_code == version);
  CHECK(answer->records(Section::kAnswer).size() == (version == 0 ? 4 : 0));
}

TEST_CASE("UDP answers are as long as the asker can take and the tunnel carries") {
  const auto [edns, expect] = GENERATE(table<std::optional<uint16_t>, size_t>(
      {{std::nullopt, 512}, {100, 512}, {1000, 1000}, {4096, 1212}}));
  const auto bytes = edns ? query(ask("a"), Edns{.udp_payload_bytes = *edns}) : query(ask("a"));
  CHECK(udp_limit(*Message::parse(bytes)) == expect);
}

}  // namespace
}  // namespace connlib::dns
