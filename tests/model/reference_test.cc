#include "tests/model/reference.h"

#include <catch2/catch.hpp>

namespace connlib::model_test {
namespace {

TEST_CASE("a pattern means what the specification's examples say") {
  const auto [pattern, domain, expected] = GENERATE(table<const char*, const char*, bool>({
      {"example.com", "example.com", true},
      {"example.com", "a.example.com", false},
      {"*.example.com", "example.com", true},
      {"*.example.com", "a.example.com", true},
      {"*.example.com", "a.b.example.com", false},
      {"*.example.com", "badexample.com", false},
      {"**.example.com", "example.com", true},
      {"**.example.com", "a.b.example.com", true},
  }));
  CAPTURE(pattern, domain);
  CHECK(matches(pattern, domain) == expected);
}

}  // namespace
}  // namespace connlib::model_test
