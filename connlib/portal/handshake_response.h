#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <absl/time/time.h>

#include "connlib/base/timestamp.h"

namespace connlib::portal {

// HandshakeResponse is what the portal answered to an upgrade instead of 101.
struct HandshakeResponse {
  int status = 0;
  std::string content_type;
  std::optional<std::string> retry_after;
  std::string body;
};

// Refusal is what such an answer means (spec portal-protocol 1.6).
struct Refusal {
  enum class Verdict : uint8_t {
    kTokenRejected,  // Discard the token, let the user sign in again.
    kUnauthorized,   // Give up, but keep the token: somebody on the way may have answered.
    kTransient,      // Try again.
  };
  Verdict verdict = Verdict::kTransient;
  std::string message;                  // For people.
  std::optional<Duration> retry_after;  // Of transient ones. Not capped.
};

Refusal judge(const HandshakeResponse& response, absl::Time date);

// parse_retry_after() reads whole seconds or an HTTP date (RFC 9110 §10.2.3); a past date is 0.
std::optional<Duration> parse_retry_after(std::string_view text, absl::Time date);

// make_refusal() is the portal's side: an RFC 9457 problem with a code that peers branch on.
struct Problem {
  int status = 0;
  std::string_view title;
  std::string_view code;  // "invalid_token", "missing_token", …
  std::string_view detail;
};
HandshakeResponse make_refusal(const Problem& problem);

}  // namespace connlib::portal
