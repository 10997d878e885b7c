#pragma once

#include <optional>
#include <string>

#include "shells/portal/api/http.h"
#include "shells/portal/store/json.h"
#include "shells/portal/store/problem.h"

namespace connlib::portald {

HttpResponse json_response(unsigned status, const Json& body);

// problem_response() is an RFC 9457 problem. `code` is stable; `pointer` leads to the member of the
// request that is to blame, if one is.
HttpResponse problem_response(unsigned status, const std::string& code, const std::string& detail,
                              const std::string& pointer = "");
HttpResponse problem_response(const Problem& problem);

// parse_body() reads a JSON object. Deeper than any of ours, it is refused before it is parsed.
// Nothing: `out` has it.
std::optional<HttpResponse> parse_body(const std::string& text, Json& out);

}  // namespace connlib::portald
