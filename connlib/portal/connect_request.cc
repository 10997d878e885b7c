#include "connlib/portal/connect_request.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace connlib::portal {
namespace {

// application/x-www-form-urlencoded, as the URL standard serializes it.
std::string form_encoded(std::string_view text) {
  static constexpr std::string_view kUnchanged = "*-._";
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool is_alphanumeric =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (is_alphanumeric || kUnchanged.find(c) != std::string_view::npos) {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      const auto byte = static_cast<uint8_t>(c);
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

class Query {
 public:
  void add(std::string_view name, std::string_view value) {
    text_ += text_.empty() ? '?' : '&';
    text_ += name;
    text_ += '=';
    text_ += form_encoded(value);
  }
  void add_present(std::string_view name, const std::optional<std::string>& value) {
    if (value) add(name, *value);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

void add_relay(Query& query, const Login& login) {
  if (!login.name.empty()) query.add("name", login.name);
  if (login.relay.ipv4) query.add("ipv4", to_text(IpAddress(*login.relay.ipv4)));
  if (login.relay.ipv6) query.add("ipv6", to_text(IpAddress(*login.relay.ipv6)));
  query.add("port", std::to_string(login.relay.port));
}

std::string_view path_of(Role role) {
  switch (role) {
    case Role::kClient:
      return "/client/v2/websocket";
    case Role::kGateway:
      return "/gateway/v2/websocket";
    case Role::kRelay:
      return "/relay/websocket";
  }
  return {};
}

std::optional<SecretText> bearer(const SecretText& token) {
  // Reserved first, so that growing leaves no copy behind.
  std::string header;
  header.reserve(7 + token.reveal().size());
  header = "Bearer ";
  for (const char c : token.reveal()) {
    if (std::string_view(" \t\r\n\v\f").find(c) == std::string_view::npos) header += c;
  }
  std::optional<SecretText> out;
  if (header.size() > 7) out.emplace(header);
  wipe({reinterpret_cast<uint8_t*>(header.data()), header.size()});
  return out;
}

}  // namespace

std::string_view topic_of(Role role) {
  switch (role) {
    case Role::kClient:
      return "client";
    case Role::kGateway:
      return "gateway";
    case Role::kRelay:
      return "relay";
  }
  return {};
}

ConnectRequest make_connect_request(const Login& login,
                                    const std::optional<PublicKey>& public_key) {
  Query query;
  if (login.role == Role::kRelay) {
    add_relay(query, login);
  } else {
    query.add("external_id", login.external_id);
    query.add("name", login.name);
  }
  if (login.role == Role::kClient) {
    query.add_present("device_serial", login.hardware.device_serial);
    query.add_present("device_uuid", login.hardware.device_uuid);
    query.add_present("identifier_for_vendor", login.hardware.identifier_for_vendor);
    query.add_present("firebase_installation_id", login.hardware.firebase_installation_id);
  }
  if (login.role != Role::kRelay && public_key) query.add("public_key", to_text(*public_key));
  std::string target = login.url.path_prefix;
  target += path_of(login.role);
  return {.is_secure = login.url.is_secure,
          .host = login.url.host,
          .port = login.url.port,
          .target = target + query.text(),
          .user_agent = login.user_agent,
          .x_authorization = bearer(login.token)};
}

std::string to_text(const UserAgent& agent) {
  std::string out =
      fmt::format("{}/{} {}/{}", agent.os, agent.os_version, agent.component, agent.version);
  if (!agent.architecture.empty())
    out += fmt::format(" ({}; {})", agent.architecture, agent.kernel);
  out.erase(std::remove_if(out.begin(), out.end(), [](char c) { return c < ' ' || c > '~'; }),
            out.end());
  return out;
}

}  // namespace connlib::portal
