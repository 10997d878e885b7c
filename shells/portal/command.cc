#include "shells/portal/command.h"

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>

namespace connlib::portald {

ExitCode Environment::fail(const absl::Status& status) {
  const bool is_no_store = absl::IsNotFound(status) || absl::IsAlreadyExists(status) ||
                           absl::IsFailedPrecondition(status) || absl::IsUnavailable(status);
  std::string message(status.message());
  if (absl::IsNotFound(status)) {
    message += "; `connlib-portal init --url URL` makes one, --db PATH names another";
  }
  return fail(is_no_store ? ExitCode::kNoStore : ExitCode::kInternal, message);
}

ExitCode Environment::refuse(const Problem& problem) {
  switch (problem.code) {
    case Problem::Code::kStore:
      return fail(ExitCode::kNoStore, problem.message);
    case Problem::Code::kNotFound:
      return fail(ExitCode::kNotFound, problem.message);
    case Problem::Code::kInvalid:
    case Problem::Code::kUnknownMember:
    case Problem::Code::kMissing:
    case Problem::Code::kConflict:
    case Problem::Code::kProtected:
    case Problem::Code::kLimit:
      break;
  }
  return fail(ExitCode::kUsage, problem.message);
}

std::optional<absl::Duration> parse_duration(const std::string& text) {
  constexpr int64_t kMaxDays = 36'500;
  int64_t days = 0;
  if (absl::EndsWith(text, "d")) {
    if (!absl::SimpleAtoi(text.substr(0, text.size() - 1), &days)) return std::nullopt;
    if (days < 1 || days > kMaxDays) return std::nullopt;
    return absl::Hours(24) * days;
  }
  absl::Duration out;
  if (!absl::ParseDuration(text, &out) || out <= absl::ZeroDuration()) return std::nullopt;
  if (out > absl::Hours(24) * kMaxDays) return std::nullopt;
  return out;
}

std::string time_text(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

}  // namespace connlib::portald
