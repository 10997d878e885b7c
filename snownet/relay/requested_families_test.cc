#include "snownet/relay/requested_families.h"

#include <catch2/catch.hpp>

namespace connlib::snownet::relay {
namespace {

using stun::AddressFamily;
using stun::ErrorCode;

TEST_CASE("the families of an allocation are those of the table") {
  struct Row {
    FamilySet relay;
    int requested;   // 0: absent.
    int additional;  // 0: absent.
    FamilySet granted;
    int error = 0;
  };
  constexpr FamilySet k4{true, false};
  constexpr FamilySet k6{false, true};
  constexpr FamilySet kBoth{true, true};
  constexpr FamilySet kNone{};
  const Row row = GENERATE_COPY(values<Row>({
      {k4, 0, 0, k4},
      {k4, 1, 0, k4},
      {k4, 2, 0, kNone, 440},
      {k4, 0, 2, k4},
      {k4, 0, 1, kNone, 400},
      {k4, 1, 2, kNone, 400},
      {k6, 0, 0, kNone, 440},
      {k6, 1, 0, kNone, 440},
      {k6, 2, 0, k6},
      {k6, 0, 2, k6},
      {k6, 0, 1, kNone, 400},
      {k6, 2, 2, kNone, 400},
      {kBoth, 0, 0, k4},
      {kBoth, 1, 0, k4},
      {kBoth, 2, 0, k6},
      {kBoth, 0, 2, kBoth},
      {kBoth, 0, 1, kNone, 400},
      {kBoth, 1, 2, kNone, 400},
      {kBoth, 3, 0, kNone, 440},
      {kBoth, 0, 7, kNone, 400},
  }));
  const auto family = [](int value) {
    return value == 0 ? std::nullopt : std::optional(static_cast<AddressFamily>(value));
  };
  CAPTURE(row.relay.v4, row.relay.v6, row.requested, row.additional);
  const auto decided = requested_families(row.relay, family(row.requested), family(row.additional));
  if (row.error != 0) {
    REQUIRE(std::holds_alternative<ErrorCode>(decided));
    CHECK(static_cast<int>(std::get<ErrorCode>(decided)) == row.error);
  } else {
    REQUIRE(std::holds_alternative<FamilySet>(decided));
    CHECK(std::get<FamilySet>(decided) == row.granted);
  }
}

}  // namespace
}  // namespace connlib::snownet::relay
