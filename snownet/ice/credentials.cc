#include "snownet/ice/credentials.h"

#include <algorithm>

namespace connlib::snownet::ice {
namespace {

// RFC 8839 §5.4: ice-char = ALPHA / DIGIT / "+" / "/".
bool is_ice_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
  });
}

}  // namespace

std::optional<Credentials> Credentials::of(std::string_view ufrag, std::string_view password) {
  if (ufrag.size() < 4 || ufrag.size() > kMaxUfragBytes || !is_ice_text(ufrag)) return {};
  if (password.size() < 22 || password.size() > kMaxPasswordBytes || !is_ice_text(password)) {
    return {};
  }
  return Credentials(ufrag, password);
}

}  // namespace connlib::snownet::ice
