#include "connlib/routing/specificity.h"

#include <catch2/catch.hpp>

namespace connlib::routing {

TEST_CASE("an exact name beats a wildcard, and patterns are ordered from the right") {
  // From the specification, most specific first.
  const char* const sorted[] = {"example.com",     "bar.example.com", "*.bar.example.com",
                                "foo.example.com", "?.example.com",   "*.example.com",
                                "**.example.com",  "*ample.com",      "*.com"};
  for (size_t i = 0; i + 1 < std::size(sorted); ++i) {
    INFO(sorted[i] << " before " << sorted[i + 1]);
    CHECK(Specificity(sorted[i]) < Specificity(sorted[i + 1]));
    CHECK(Specificity(sorted[i + 1]) > Specificity(sorted[i]));
  }
}

TEST_CASE("any pattern is more specific than none, and case does not matter") {
  CHECK(Specificity("*") < Specificity());
  CHECK_FALSE(Specificity() < Specificity("*"));
  CHECK(Specificity() == Specificity());
  CHECK(Specificity("*.Example.COM") == Specificity("*.example.com"));
}

}  // namespace connlib::routing
