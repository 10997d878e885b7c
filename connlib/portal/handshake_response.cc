#include "connlib/portal/handshake_response.h"

#include <algorithm>
#include <charconv>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>

#include "connlib/portal/json_value.h"
#include "connlib/portal/json_writer.h"

namespace connlib::portal {
namespace {

constexpr std::string_view kProblemType = "application/problem+json";
constexpr size_t kMaxProblemBytes = 64 << 10;  // Ours.

absl::string_view abseil(std::string_view text) { return {text.data(), text.size()}; }

bool is_problem(std::string_view content_type) {
  const absl::string_view media_type =
      absl::StripAsciiWhitespace(abseil(content_type.substr(0, content_type.find(';'))));
  return absl::EqualsIgnoreCase(media_type, abseil(kProblemType));
}

}  // namespace

Refusal judge(const HandshakeResponse& response, absl::Time date) {
  Refusal out;
  const auto problem = is_problem(response.content_type)
                           ? JsonDocument::parse(response.body, kMaxProblemBytes)
                           : std::nullopt;
  const JsonValue root = problem ? problem->root() : JsonValue();
  out.message = root["detail"].text().value_or("no reason provided");
  if (response.status != 401) {
    if (response.retry_after) out.retry_after = parse_retry_after(*response.retry_after, date);
    return out;
  }
  const auto code = root["code"].text();
  const bool is_about_token = code == "invalid_token" || code == "missing_token";
  out.verdict = is_about_token ? Refusal::Verdict::kTokenRejected : Refusal::Verdict::kUnauthorized;
  return out;
}

std::optional<Duration> parse_retry_after(std::string_view text, absl::Time date) {
  constexpr uint64_t kLongest = uint64_t{365} * 24 * 3600;  // Keeps arithmetic from overflowing.
  uint64_t seconds = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, seconds);
  if (rest == end && error == std::errc()) {
    return std::chrono::seconds(std::min(seconds, kLongest));
  }
  // RFC 9110 §5.6.7: the format to send, and the obsolete ones that must be accepted.
  for (const char* format :
       {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    absl::Time at;
    std::string ignored;
    if (!absl::ParseTime(format, abseil(text), absl::UTCTimeZone(), &at, &ignored)) continue;
    const absl::Duration until =
        std::clamp(at - date, absl::ZeroDuration(), absl::Seconds(static_cast<int64_t>(kLongest)));
    return absl::ToChronoNanoseconds(until);
  }
  return std::nullopt;
}

HandshakeResponse make_refusal(const Problem& problem) {
  JsonWriter out;
  out.begin_object().key("type").text("about:blank").key("title").text(problem.title);
  out.key("status").integer(static_cast<uint64_t>(problem.status));
  out.key("detail").text(problem.detail).key("code").text(problem.code).end_object();
  HandshakeResponse response{.status = problem.status,
                             .content_type = std::string(kProblemType) + "; charset=utf-8",
                             .retry_after = std::nullopt,
                             .body = out.take()};
  if (problem.status == 503) response.retry_after = "1";  // Deliberately not 429 (spec 1.6).
  return response;
}

}  // namespace connlib::portal
