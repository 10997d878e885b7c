#include "connlib/client/tracked.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace connlib::client {
namespace {

using Names = std::vector<std::string>;

TEST_CASE("the first value is news, even an empty one") {
  Tracked<Names> list;
  CHECK_FALSE(list.has_news());
  CHECK_FALSE(list.poll());
  list.update({});
  CHECK(list.has_news());
  CHECK(list.poll() == Names{});
  CHECK_FALSE(list.poll());
}

TEST_CASE("many updates are one event that carries the last value") {
  Tracked<Names> list;
  for (const char* name : {"a", "b", "c"}) list.update({name});
  CHECK(list.poll() == Names{"c"});
  CHECK_FALSE(list.poll());
}

// Lesson bb3eb13723: the user interface was flooded with identical lists.
TEST_CASE("a value that came back to what was seen is no event") {
  Tracked<Names> list;
  list.update({"a"});
  REQUIRE(list.poll());
  list.update({"a"});
  CHECK_FALSE(list.has_news());
  list.update({"b"});
  list.update({"a"});
  CHECK_FALSE(list.has_news());
  CHECK_FALSE(list.poll());
  list.update({"b"});
  CHECK(list.poll() == Names{"b"});
}

}  // namespace
}  // namespace connlib::client
