#include "shells/portal/api/responses.h"

#include <algorithm>
#include <array>

namespace connlib::portald {
namespace {

constexpr int kMaxDepth = 16;  // Ours.

// The deepest nesting of brackets outside strings.
int depth_of(const std::string& text) {
  int depth = 0;
  int deepest = 0;
  bool is_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_string && c == '\\') {
      ++i;
    } else if (c == '"') {
      is_string = !is_string;
    } else if (!is_string && (c == '[' || c == '{')) {
      deepest = std::max(deepest, ++depth);
    } else if (!is_string && (c == ']' || c == '}')) {
      --depth;
    }
  }
  return deepest;
}

const char* title(unsigned status) {
  constexpr std::array kTitles{
      std::pair{400U, "Bad Request"},        std::pair{401U, "Unauthorized"},
      std::pair{403U, "Forbidden"},          std::pair{404U, "Not Found"},
      std::pair{405U, "Method Not Allowed"}, std::pair{409U, "Conflict"},
      std::pair{413U, "Content Too Large"},  std::pair{422U, "Unprocessable Content"},
      std::pair{429U, "Too Many Requests"},  std::pair{503U, "Service Unavailable"}};
  for (const auto& [each, text] : kTitles) {
    if (each == status) return text;
  }
  return "Error";
}

unsigned status_of(const Problem& problem) {
  switch (problem.code) {
    case Problem::Code::kInvalid:
    case Problem::Code::kUnknownMember:
    case Problem::Code::kMissing:
      return 422;
    case Problem::Code::kNotFound:
      return problem.pointer.empty() ? 404 : 422;  // The object itself, or what it refers to.
    case Problem::Code::kConflict:
    case Problem::Code::kProtected:
    case Problem::Code::kLimit:
      return 409;
    case Problem::Code::kStore:
      break;
  }
  return 503;
}

}  // namespace

HttpResponse json_response(unsigned status, const Json& body) {
  return {.status = status,
          .body = body.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"};
}

HttpResponse problem_response(unsigned status, const std::string& code, const std::string& detail,
                              const std::string& pointer) {
  Json body{{"type", "about:blank"},
            {"title", title(status)},
            {"status", status},
            {"detail", detail},
            {"code", code}};
  if (!pointer.empty()) body["pointer"] = pointer;
  HttpResponse out = json_response(status, body);
  out.content_type = "application/problem+json";
  if (status == 401) out.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (status == 429 || status == 503) out.headers.emplace_back("Retry-After", "1");
  return out;
}

HttpResponse problem_response(const Problem& problem) {
  return problem_response(status_of(problem), code_name(problem.code), problem.message,
                          problem.pointer);
}

std::optional<HttpResponse> parse_body(const std::string& text, Json& out) {
  if (text.size() > kMaxBody) {
    return problem_response(413, "body_too_large", "the body has more than 1 MiB");
  }
  out = nullptr;
  if (depth_of(text) <= kMaxDepth) out = Json::parse(text, nullptr, false);
  if (out.is_object()) return std::nullopt;
  return problem_response(400, "invalid_json", "the body is not a JSON object");
}

}  // namespace connlib::portald
