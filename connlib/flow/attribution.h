#pragma once

#include <cstdint>

#include "connlib/base/secret_text.h"
#include "connlib/base/strong.h"

namespace connlib::flow {

// ScopeId names one authorization: one peer and one resource, under one token. Never used twice.
using ScopeId = Strong<struct ScopeIdTag, uint64_t>;

// Attribution says under which authorization packets pass (spec tunnel 7.2). FlowTracker gives them
// out; whoever keeps the authorization keeps it too. Without a token nothing is recorded.
struct Attribution {
  ScopeId scope{};
  SecretText token{};  // Opaque to us: it is for whoever takes the records.

  bool has_token() const { return !token.empty(); }
};

}  // namespace connlib::flow
