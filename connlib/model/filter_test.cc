#include "connlib/model/filter.h"

#include <vector>

#include <catch2/catch.hpp>

namespace connlib {
namespace {

constexpr auto kTcp = Filter::Protocol::kTcp;
constexpr auto kUdp = Filter::Protocol::kUdp;
constexpr auto kIcmp = Filter::Protocol::kIcmp;

TEST_CASE("filters permit what one of them matches, and everything when there are none") {
  const std::vector<Filter> none;
  const std::vector<Filter> web{{kTcp, 80, 80}, {kTcp, 443, 443}};
  const std::vector<Filter> mixed{{kUdp, 1000, 2000}, {kIcmp}};
  struct Row {
    const char* what;
    const std::vector<Filter>* filters;
    std::optional<Filter::Protocol> protocol;
    uint16_t port;
    bool expected;
  };
  const Row rows[] = {
      {"no filters: TCP", &none, kTcp, 1, true},
      {"no filters: another protocol", &none, std::nullopt, 0, true},
      {"the only port", &web, kTcp, 80, true},
      {"the other filter's port", &web, kTcp, 443, true},
      {"between two filters", &web, kTcp, 81, false},
      {"the right port of another protocol", &web, kUdp, 80, false},
      {"ICMP is not in the list", &web, kIcmp, 0, false},
      {"before the range", &mixed, kUdp, 999, false},
      {"first of the range", &mixed, kUdp, 1000, true},
      {"last of the range", &mixed, kUdp, 2000, true},
      {"behind the range", &mixed, kUdp, 2001, false},
      {"ICMP, whatever stands for a port", &mixed, kIcmp, 9, true},
      {"another protocol", &mixed, std::nullopt, 1500, false},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    CHECK(permits(*row.filters, row.protocol, row.port) == row.expected);
  }
}

TEST_CASE("a filter without ports admits all of them, one with a reversed range none") {
  const uint16_t port = GENERATE(uint16_t{0}, uint16_t{443}, uint16_t{65535});
  CHECK(Filter{.protocol = kTcp}.matches(kTcp, port));
  CHECK_FALSE(Filter{kTcp, 443, 442}.matches(kTcp, port));
  CHECK(Filter{kIcmp, 443, 442}.matches(kIcmp, port));
}

}  // namespace
}  // namespace connlib
