#pragma once

#include <span>
#include <string>
#include <string_view>

#include "shells/portal/api/api.h"

namespace connlib::portald {

// Route is one thing that can be asked for. Requests are matched, and the OpenAPI document is made,
// from the same table.
struct Route {
  using Handler = HttpResponse (*)(Api& api, const Call& call, const Kind* kind);
  const char* method;
  std::string path;  // Below /api/v1; "{id}" at its end is the id of an object.
  const char* summary;
  const Kind* kind;      // Of what is asked for, if there is one.
  std::string request;   // Name of the body's schema; empty: no body.
  std::string response;  // Of the answer's; empty: 204.
  unsigned status;       // Of success.
  Handler handler;
  bool is_public = false;  // Asks for no token.
};

std::span<const Route> routes();

inline constexpr std::string_view kApiPrefix = "/api/v1";
inline constexpr int64_t kMaxPage = 1000;  // Ours: changes of one answer.

}  // namespace connlib::portald
