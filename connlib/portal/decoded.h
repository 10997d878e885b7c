#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "connlib/portal/envelope.h"

namespace connlib::portal {

// Decoded is what became of one payload. `skipped` counts bad elements of lists that cost only
// themselves (spec portal-protocol 8).
template <typename Message>
struct Decoded {
  std::variant<FrameDrop, Message> result = FrameDrop::kUnknownEvent;
  uint32_t skipped = 0;

  Message* message() { return std::get_if<Message>(&result); }
};

// Encoded is one message ready for an envelope. `payload` is JSON and may hold secrets.
struct Encoded {
  std::string_view event;  // A literal.
  std::string payload;
  friend bool operator==(const Encoded&, const Encoded&) = default;
};

}  // namespace connlib::portal
