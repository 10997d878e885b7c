#pragma once

#include <optional>
#include <string>
#include <variant>

#include "connlib/base/secret_text.h"
#include "connlib/portal/decoded.h"

// The relay's channel (spec portal-protocol 5): a relay says who it is when it joins, is told that
// it is known, and from then on only heartbeats.
namespace connlib::portal {

// `init` (5).
struct RelayInit {
  friend bool operator==(const RelayInit&, const RelayInit&) = default;
};

using ToRelay = std::variant<RelayInit>;

// A relay's join carries the secret that its credentials are made of.
struct RelayJoin {
  SecretText stamp_secret;
  friend bool operator==(const RelayJoin&, const RelayJoin&) = default;
};

// A relay says nothing after its join.
struct FromRelay {
  friend bool operator==(const FromRelay&, const FromRelay&) = default;
};

Decoded<ToRelay> decode_to_relay(std::string_view event, JsonValue payload);
Decoded<FromRelay> decode_from_relay(std::string_view event, JsonValue payload);
Encoded encode(const ToRelay& message);

std::optional<RelayJoin> decode_relay_join(JsonValue payload);
std::string encode_relay_join(const RelayJoin& join);

}  // namespace connlib::portal
