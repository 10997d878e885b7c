#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace connlib::snownet::stun {

inline constexpr std::string_view kRelayRealm = "firezone";  // What relays key with, always.

// RelayUsername is `<expiry>:<salt>`, as the portal issues it. `salt` borrows from the text.
struct RelayUsername {
  uint64_t expires_at_unix_seconds = 0;
  std::string_view salt;

  // parse() wants exactly one colon, behind an unsigned decimal of 64 bits; the salt may be empty.
  static std::optional<RelayUsername> parse(std::string_view text) noexcept;
};

// RelayPassword is unpadded base64 of SHA-256(`<expiry>:<relay secret>:<salt>`): always 43
// characters. Wiped when destroyed.
class RelayPassword {
 public:
  RelayPassword(const RelayUsername& username, std::string_view relay_secret);
  ~RelayPassword();
  RelayPassword(const RelayPassword&) = delete;
  RelayPassword& operator=(const RelayPassword&) = delete;

  std::string_view text() const { return {text_.data(), text_.size()}; }

 private:
  std::array<char, 43> text_{};
};

}  // namespace connlib::snownet::stun
