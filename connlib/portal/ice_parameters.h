#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connlib/base/secret_text.h"

namespace connlib::portal {

// IceCredentials are one side's user name fragment and password.
struct IceCredentials {
  std::string username;
  SecretText password;

  IceCredentials clone() const { return {username, password.clone()}; }
  friend bool operator==(const IceCredentials&, const IceCredentials&) = default;
};

// IceRole is the role of whoever receives the message.
enum class IceRole : uint8_t { kControlling, kControlled };

inline constexpr size_t kMaxCandidateBytes =
    512;  // Ours: a line with two IPv6 addresses needs 150.

// CandidateLine is one candidate as SDP writes it, without "a=":
//   candidate:<foundation> <component> <transport> <priority> <ip> <port> typ <kind> …
// The portal forwards it as it is; ends parse the rest.
class CandidateLine {
 public:
  // nullopt unless `text` begins with "candidate:" and its fourth field is a priority.
  static std::optional<CandidateLine> parse(std::string_view text);

  const std::string& text() const { return text_; }
  uint32_t priority() const { return priority_; }
  friend auto operator<=>(const CandidateLine&, const CandidateLine&) = default;

 private:
  CandidateLine(std::string_view text, uint32_t priority) : text_(text), priority_(priority) {}
  std::string text_;
  uint32_t priority_ = 0;
};

// CandidateChange says whether candidates came or went.
enum class CandidateChange : uint8_t { kAdded, kInvalidated };

}  // namespace connlib::portal
