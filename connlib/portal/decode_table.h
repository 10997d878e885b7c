#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "connlib/portal/decoded.h"
#include "connlib/portal/fields.h"

namespace connlib::portal {

// DecodeRow is one event and how its payload is read. Private to the codecs.
template <typename Message>
struct DecodeRow {
  std::string_view event;
  std::optional<Message> (*read)(Fields in);
};

template <typename Message>
Decoded<Message> decode_by_table(std::span<const DecodeRow<Message>> rows, std::string_view event,
                                 JsonValue payload) {
  Decoded<Message> out;
  for (const DecodeRow<Message>& row : rows) {
    if (row.event != event) continue;
    std::optional<Message> message = row.read(Fields(payload, out.skipped));
    if (message) {
      out.result = *std::move(message);
    } else {
      out.result = FrameDrop::kBadPayload;
    }
    return out;
  }
  return out;
}

}  // namespace connlib::portal
