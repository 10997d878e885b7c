#include "shells/wg/uapi_session.h"

#include <catch2/catch.hpp>

namespace connlib::wg {

TEST_CASE("a request that arrives byte by byte is seen once it is whole") {
  UapiSession session;
  const std::string text = "set=1\nlisten_port=7\n\n";
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    REQUIRE(session.handle_input(text.substr(i, 1)));
    REQUIRE_FALSE(session.next_request().has_value());
  }
  REQUIRE(session.handle_input("\n"));
  const auto request = session.next_request();
  REQUIRE(request.has_value());
  CHECK(std::get<SetRequest>(*request).listen_port == 7);
  CHECK_FALSE(session.next_request().has_value());
}

TEST_CASE("requests that arrive together are answered one by one") {
  UapiSession session;
  REQUIRE(session.handle_input("get=1\n\nset=1\n\nget=1"));
  CHECK(std::holds_alternative<GetRequest>(session.next_request().value()));
  CHECK(std::holds_alternative<SetRequest>(session.next_request().value()));
  CHECK_FALSE(session.next_request().has_value());
  REQUIRE(session.handle_input("\n\n"));
  CHECK(std::holds_alternative<GetRequest>(session.next_request().value()));
}

TEST_CASE("a request without end is refused at the limit") {
  UapiSession session;
  const std::string chunk(1 << 20, 'x');
  for (int i = 0; i < 16; ++i) {
    REQUIRE(session.handle_input(chunk));
    REQUIRE_FALSE(session.next_request().has_value());
  }
  CHECK_FALSE(session.handle_input("x"));
}

TEST_CASE("an answer may leave in pieces") {
  UapiSession session;
  session.output() += "errno=0\n\n";
  session.handle_written(4);
  CHECK(session.unwritten() == "o=0\n\n");
  session.handle_written(5);
  CHECK(session.unwritten().empty());
  session.output() += "errno=0\n\n";
  CHECK(session.unwritten() == "errno=0\n\n");
}

}  // namespace connlib::wg
