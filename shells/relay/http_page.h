#pragma once

#include <map>
#include <string>

namespace connlib::relay {

// HttpRequest is a request without a body: HEAD is told as GET.
struct HttpRequest {
  std::string method;
  std::string path;                              // Without the query.
  std::map<std::string, std::string> arguments;  // Of the query; decoded, the last of a name.

  // The argument, or nothing at all.
  std::string argument(const std::string& name) const {
    const auto it = arguments.find(name);
    return it == arguments.end() ? std::string() : it->second;
  }
};

// HttpPage is the answer to one.
struct HttpPage {
  unsigned status = 200;
  std::string content_type;
  std::string body;
};

}  // namespace connlib::relay
