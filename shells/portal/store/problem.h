#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <absl/status/status.h>

namespace connlib::portald {

// Problem is why a write is refused, for a caller who tells it to people: the API as problem+json,
// `apply` with the line of the file.
struct Problem {
  enum class Code : uint8_t {
    kInvalid,        // A value is none of those allowed, or of the wrong type.
    kUnknownMember,  // There is no such key.
    kMissing,        // A key that must be there is not.
    kNotFound,       // The object itself, or what it refers to.
    kConflict,       // Another one has this name.
    kProtected,      // It would leave nobody who could repair it, or is built in.
    kLimit,          // There are as many as there may be.
    kStore,          // The database failed; nothing is wrong with the request.
  };
  Code code = Code::kInvalid;
  std::string pointer;  // RFC 6901, into the document that was given; empty: all of it.
  std::string message;  // Names the thing and the value.
};
using Refusal = std::optional<Problem>;  // None: done.

// Stable names, part of the API.
const char* code_name(Problem::Code code);

inline Refusal store_problem(const absl::Status& status) {
  if (status.ok()) return std::nullopt;
  return Problem{Problem::Code::kStore, "", std::string(status.message())};
}

}  // namespace connlib::portald
