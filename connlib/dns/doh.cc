#include "connlib/dns/doh.h"

#include <algorithm>
#include <vector>

#include <absl/strings/escaping.h>
#include <absl/strings/match.h>

#include "connlib/dns/message_edit.h"

namespace connlib::dns {
namespace {

constexpr std::string_view kScheme = "https://";

absl::string_view as_absl(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

bool is_doh_url(std::string_view url) {
  if (!absl::StartsWithIgnoreCase(as_absl(url), as_absl(kScheme))) return false;
  const auto rest = url.substr(kScheme.size());
  const auto authority = rest.substr(0, rest.find('/'));
  if (authority.empty() || authority.front() == ':') return false;
  if (authority.find('@') != std::string_view::npos) return false;
  // Neither spaces nor control characters: the text goes into an HTTP request.
  return std::all_of(rest.begin(), rest.end(),
                     [](char c) { return c > ' ' && c < 0x7f && c != '?' && c != '#'; });
}

DohRequest make_doh_request(std::string_view server_url, std::span<const uint8_t> query) {
  std::vector<uint8_t> message(query.begin(), query.end());
  set_id(message, 0);
  // Without padding: RFC 8484 §6.
  const auto encoded = absl::WebSafeBase64Escape(
      absl::string_view(reinterpret_cast<const char*>(message.data()), message.size()));
  return {std::string(server_url) + "?dns=" + encoded};
}

bool accepts_doh_response(int status, std::string_view content_type) {
  const auto type = content_type.substr(0, content_type.find(';'));
  const auto end = type.find_last_not_of(" \t");
  const auto trimmed = type.substr(0, end == std::string_view::npos ? 0 : end + 1);
  return status == 200 && absl::EqualsIgnoreCase(as_absl(trimmed), as_absl(kDohMediaType));
}

}  // namespace connlib::dns
