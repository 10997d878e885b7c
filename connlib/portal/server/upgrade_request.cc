#include "connlib/portal/server/upgrade_request.h"

#include <algorithm>
#include <charconv>

#include "connlib/portal/server/form_parameters.h"

namespace connlib::portal::server {
namespace {

using Code = UpgradeRefusal::Code;

std::optional<Role> role_of(std::string_view path) {
  if (path == "/client/v2/websocket") return Role::kClient;
  if (path == "/gateway/v2/websocket") return Role::kGateway;
  if (path == "/relay/websocket") return Role::kRelay;
  return std::nullopt;
}

bool is_space(char c) { return std::string_view(" \t\r\n\v\f").find(c) != std::string_view::npos; }

// The token of a header `Bearer <token>`; the scheme's case does not matter (RFC 9110 §11.1).
std::string_view bearer_of(std::string_view header) {
  static constexpr std::string_view kScheme = "bearer ";
  const bool is_bearer =
      header.size() > kScheme.size() &&
      std::equal(kScheme.begin(), kScheme.end(), header.begin(), [](char scheme, char c) {
        return scheme == (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
      });
  if (!is_bearer) return {};
  header.remove_prefix(kScheme.size());
  while (!header.empty() && is_space(header.front())) header.remove_prefix(1);
  while (!header.empty() && is_space(header.back())) header.remove_suffix(1);
  return header;
}

bool is_token(std::string_view text) {
  return text.size() <= kMaxTokenBytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

// ParameterReader reads what a role must and may give, and notes what is wrong with it.
class ParameterReader {
 public:
  explicit ParameterReader(const FormParameters& parameters) : parameters_(&parameters) {}

  void complain(std::string_view what) {
    if (!complaints_.empty()) complaints_ += "; ";
    complaints_ += what;
  }
  const std::string& complaints() const { return complaints_; }

  std::optional<std::string> text(std::string_view name) {
    const std::string* value = parameters_->find(name);
    if (value == nullptr) return std::nullopt;
    if (count_characters(*value).value_or(kMaxTextCharacters + 1) > kMaxTextCharacters) {
      complain(std::string(name) + " is longer than 255 characters");
    }
    return *value;
  }

  std::string required_text(std::string_view name, std::string_view alias = {}) {
    auto value = text(name);
    if (!value && !alias.empty()) value = text(alias);
    if (!value) complain(std::string(name) + " can't be blank");
    return std::move(value).value_or(std::string());
  }

  PublicKey public_key() {
    const std::string* value = parameters_->find("public_key");
    const auto key = value ? PublicKey::parse_base64(*value) : std::nullopt;
    if (!key) complain("public_key is not 32 bytes in base64");
    return key.value_or(PublicKey());
  }

  std::optional<IpAddress> address(std::string_view name) {
    const std::string* value = parameters_->find(name);
    if (value == nullptr) return std::nullopt;
    const auto parsed = IpAddress::parse(*value);
    if (!parsed) complain(std::string(name) + " is no IP address");
    return parsed;
  }

  uint16_t port() {
    const std::string* value = parameters_->find("port");
    if (value == nullptr) return Login::RelayAddress().port;
    uint16_t port = 0;
    const auto [rest, error] = std::from_chars(value->data(), value->data() + value->size(), port);
    if (error != std::errc() || rest != value->data() + value->size() || port == 0) {
      complain("port is no port");
    }
    return port;
  }

 private:
  const FormParameters* parameters_;
  std::string complaints_;
};

void read_device(ParameterReader& in, UpgradeRequest& out) {
  out.external_id = in.required_text("external_id", "firezone_id");
  out.name = in.required_text("name");
  out.public_key = in.public_key();
}

void read_client(ParameterReader& in, UpgradeRequest& out) {
  read_device(in, out);
  out.hardware = {.device_serial = in.text("device_serial"),
                  .device_uuid = in.text("device_uuid"),
                  .identifier_for_vendor = in.text("identifier_for_vendor"),
                  .firebase_installation_id = in.text("firebase_installation_id")};
  // Which gateway may serve a client is a question of versions (spec 6.3).
  if (!out.agent.version) in.complain("user_agent names no client version");
}

void read_relay(ParameterReader& in, UpgradeRequest& out) {
  const auto v4 = in.address("ipv4");
  const auto v6 = in.address("ipv6");
  if (v4 && v4->v4() == nullptr) in.complain("ipv4 is no IPv4 address");
  if (v6 && v6->v6() == nullptr) in.complain("ipv6 is no IPv6 address");
  if (v4 && v4->v4() != nullptr) out.address.ipv4 = *v4->v4();
  if (v6 && v6->v6() != nullptr) out.address.ipv6 = *v6->v6();
  if (!v4 && !v6) in.complain("ipv4 or ipv6 must be given");
  out.address.port = in.port();
}

void read_role(ParameterReader& in, UpgradeRequest& out) {
  switch (out.role) {
    case Role::kClient:
      return read_client(in, out);
    case Role::kGateway:
      return read_device(in, out);
    case Role::kRelay:
      return read_relay(in, out);
  }
}

}  // namespace

std::variant<UpgradeRequest, UpgradeRefusal> parse_upgrade_request(const UpgradeHeaders& headers) {
  const std::string_view target = headers.target.substr(0, headers.target.find('#'));
  const size_t question = std::min(target.find('?'), target.size());
  const auto role = role_of(target.substr(0, question));
  if (!role) return UpgradeRefusal{Code::kNotFound, "No such endpoint"};
  if (target.size() > kMaxTargetBytes || headers.user_agent.size() > kMaxUserAgentBytes) {
    return UpgradeRefusal{Code::kInvalidConnectParams, "request is too long"};
  }
  const auto parameters =
      FormParameters::parse(target.substr(std::min(question + 1, target.size())));
  if (!parameters) return UpgradeRefusal{Code::kInvalidConnectParams, "query is malformed"};

  std::string_view token = bearer_of(headers.x_authorization.value_or(std::string_view()));
  const std::string* in_query = parameters->find("token");
  if (token.empty() && in_query != nullptr) token = *in_query;
  if (token.empty()) return UpgradeRefusal{Code::kMissingToken, "Missing token"};
  if (!is_token(token)) return UpgradeRefusal{Code::kInvalidToken, "Invalid token"};

  UpgradeRequest out{.role = *role,
                     .token = SecretText(token),
                     .user_agent = std::string(headers.user_agent),
                     .agent = parse_peer_agent(headers.user_agent)};
  ParameterReader in(*parameters);
  read_role(in, out);
  if (!in.complaints().empty()) {
    return UpgradeRefusal{Code::kInvalidConnectParams, in.complaints()};
  }
  return out;
}

}  // namespace connlib::portal::server
