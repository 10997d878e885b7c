#include "connlib/gateway/unroutable.h"

#include <set>

#include <catch2/catch.hpp>

namespace connlib::gateway {
namespace {

TEST_CASE("clients are told why with the codes of the specification") {
  const auto [reason, v4_code, v6_code] = GENERATE(table<Unroutable, int, int>({
      {Unroutable::kNotAllowed, 13, 1},
      {Unroutable::kNotTunnelSource, 13, 1},
      {Unroutable::kOtherPeer, 13, 1},
      {Unroutable::kClosedHostPort, 13, 1},
      {Unroutable::kNotInternet, 0, 3},
      {Unroutable::kNoTranslation, 0, 3},
  }));
  CAPTURE(name(reason));
  const auto v4 = icmp_answer(reason, IpFamily::kV4);
  const auto v6 = icmp_answer(reason, IpFamily::kV6);
  REQUIRE(v4.has_value());
  REQUIRE(v6.has_value());
  CHECK(int{v4->type} == 3);
  CHECK(int{v4->code} == v4_code);
  CHECK(int{v6->type} == 1);
  CHECK(int{v6->code} == v6_code);
}

TEST_CASE("every reason has a name and a counter of its own") {
  std::set<std::string_view> names;
  UnroutableCounters counters;
  for (size_t i = 0; i < kUnroutables; ++i) {
    const auto reason = static_cast<Unroutable>(i);
    names.insert(name(reason));
    for (size_t n = 0; n <= i; ++n) counters.count(reason);
  }
  CHECK(names.size() == kUnroutables);
  CHECK(names.count("unknown") == 0);
  for (size_t i = 0; i < kUnroutables; ++i) CHECK(counters.of(static_cast<Unroutable>(i)) == i + 1);
}

}  // namespace
}  // namespace connlib::gateway
