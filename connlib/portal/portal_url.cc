#include "connlib/portal/portal_url.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

namespace connlib::portal {
namespace {

absl::Status bad(std::string_view url, const char* why) {
  const absl::string_view text(url.data(), url.size());
  return absl::InvalidArgumentError(absl::StrCat("portal URL \"", text, "\": ", why));
}

std::optional<bool> is_secure_scheme(std::string_view scheme) {
  const std::string lower = absl::AsciiStrToLower(absl::string_view(scheme.data(), scheme.size()));
  if (lower == "wss" || lower == "https") return true;
  if (lower == "ws" || lower == "http") return false;
  return std::nullopt;
}

std::optional<uint16_t> parse_port(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

}  // namespace

absl::StatusOr<PortalUrl> PortalUrl::parse(std::string_view url) {
  PortalUrl out;
  const size_t scheme_end = url.find("://");
  const auto is_secure = is_secure_scheme(url.substr(0, std::min(scheme_end, url.size())));
  if (scheme_end == std::string_view::npos || !is_secure) {
    return bad(url, "must begin with ws://, wss://, http:// or https://");
  }
  out.is_secure = *is_secure;
  std::string_view rest = url.substr(scheme_end + 3);
  rest = rest.substr(0, rest.find_first_of("?#"));
  const size_t path = std::min(rest.find('/'), rest.size());
  std::string_view authority = rest.substr(0, path);
  if (authority.find('@') != std::string_view::npos) return bad(url, "must name no user");
  if (std::any_of(rest.begin(), rest.end(), [](char c) { return c <= ' ' || c == 0x7f; })) {
    return bad(url, "has a space or control character");
  }
  const size_t host_end = authority.starts_with('[') ? authority.find(']') : authority.find(':');
  if (authority.starts_with('[')) {
    if (host_end == std::string_view::npos) return bad(url, "has an unclosed bracket");
    out.host = authority.substr(1, host_end - 1);
    authority.remove_prefix(host_end + 1);
  } else {
    out.host = authority.substr(0, host_end);
    authority.remove_prefix(std::min(out.host.size(), authority.size()));
  }
  if (out.host.empty()) return bad(url, "has no host");
  if (!authority.empty()) {
    const auto port = authority.starts_with(':') ? parse_port(authority.substr(1)) : std::nullopt;
    if (!port) return bad(url, "has no valid port");
    out.port = *port;
  }
  out.path_prefix = rest.substr(path);
  while (out.path_prefix.ends_with('/')) out.path_prefix.pop_back();
  return out;
}

}  // namespace connlib::portal
