#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace connlib::portald {

// HttpRequest is what a client asked for. HEAD is told as GET.
struct HttpRequest {
  std::string method;
  std::string path;  // Without the query.
  std::map<std::string, std::string> query{};
  std::optional<std::string> bearer{};  // Of Authorization: Bearer.
  std::string body{};
  std::string source{};  // The address of the client.
};

struct HttpResponse {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body{};
  std::vector<std::pair<std::string, std::string>> headers{};
};

inline constexpr size_t kMaxBody = 1U << 20U;  // Ours.

}  // namespace connlib::portald
