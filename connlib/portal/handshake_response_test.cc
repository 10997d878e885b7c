#include "connlib/portal/handshake_response.h"

#include <catch2/catch.hpp>

namespace connlib::portal {
namespace {

using Verdict = Refusal::Verdict;

// 2026-09-20T10:00:00Z
const absl::Time kDate = absl::FromUnixSeconds(1789898400);

TEST_CASE("only a 401 about the token itself costs the token") {
  const auto [what, status, type, body, verdict, message] =
      GENERATE(table<const char*, int, const char*, const char*, Verdict, const char*>({
          {"bad token", 401, "application/problem+json; charset=utf-8",
           R"({"code":"invalid_token","detail":"Invalid token"})", Verdict::kTokenRejected,
           "Invalid token"},
          {"no token, media type in capitals", 401, "Application/Problem+JSON",
           R"({"code":"missing_token"})", Verdict::kTokenRejected, "no reason provided"},
          {"another code", 401, "application/problem+json", R"({"code":"maintenance"})",
           Verdict::kUnauthorized, "no reason provided"},
          {"a proxy's own 401", 401, "text/html", R"({"code":"invalid_token"})",
           Verdict::kUnauthorized, "no reason provided"},
          {"garbage", 401, "application/problem+json", "{", Verdict::kUnauthorized,
           "no reason provided"},
          {"forbidden", 403, "application/problem+json",
           R"({"code":"invalid_token","detail":"no"})", Verdict::kTransient, "no"},
          {"duplicate gateway", 409, "", "", Verdict::kTransient, "no reason provided"},
          {"bad parameters", 400, "", "", Verdict::kTransient, "no reason provided"},
          {"redirect", 302, "", "", Verdict::kTransient, "no reason provided"},
          {"server error", 500, "", "", Verdict::kTransient, "no reason provided"},
      }));
  INFO(what);
  const Refusal refusal = judge({status, type, "30", body}, kDate);
  CHECK(refusal.verdict == verdict);
  CHECK(refusal.message == message);
  CHECK(refusal.retry_after.has_value() == (verdict == Verdict::kTransient));
}

TEST_CASE("Retry-After is whole seconds or an HTTP date in any of its three forms") {
  const auto [text, expected] = GENERATE(table<const char*, std::optional<Duration>>({
      {"0", 0s},
      {"120", 120s},
      {"999999", 999999s},
      {"-1", std::nullopt},
      {"12.5", std::nullopt},
      {"", std::nullopt},
      {"soon", std::nullopt},
      {"99999999999999999999", std::nullopt},
      {"Sun, 20 Sep 2026 10:01:00 GMT", 60s},
      {"Sun, 20 Sep 2026 09:00:00 GMT", 0s},
      {"Sunday, 20-Sep-26 10:01:00 GMT", 60s},
      {"Sun Sep 20 10:01:00 2026", 60s},
      {"Sun, 20 Sep 2026 10:01:00", std::nullopt},
  }));
  CAPTURE(text);
  CHECK(parse_retry_after(text, kDate) == expected);
}

TEST_CASE("what the portal refuses with is understood by its peers") {
  const auto response = make_refusal({.status = 401,
                                      .title = "Unauthorized",
                                      .code = "invalid_token",
                                      .detail = "Invalid \"token\""});
  CHECK(response.body == R"({"type":"about:blank","title":"Unauthorized","status":401,)"
                         R"("detail":"Invalid \"token\"","code":"invalid_token"})");
  const Refusal refusal = judge(response, kDate);
  CHECK(refusal.verdict == Verdict::kTokenRejected);
  CHECK(refusal.message == "Invalid \"token\"");
  CHECK(judge(make_refusal({.status = 503, .title = "", .code = "rate_limit", .detail = ""}), kDate)
            .retry_after == Duration(1s));
}

}  // namespace
}  // namespace connlib::portal
