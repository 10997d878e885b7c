#include "shells/wg/uapi.h"

#include <cerrno>
#include <charconv>
#include <iterator>
#include <span>
#include <utility>

#include <fmt/format.h>

namespace connlib::wg {
namespace {

constexpr size_t kKeyHexDigits = 2 * PublicKey::kBytes;

std::optional<uint8_t> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<uint8_t>(c - 'A' + 10);
  return std::nullopt;
}

// Decodes straight into `out`: keys must not pass through buffers that nobody wipes.
bool parse_key(std::string_view text, std::span<uint8_t, PublicKey::kBytes> out) {
  if (text.size() != kKeyHexDigits) return false;
  for (size_t i = 0; i < out.size(); ++i) {
    const auto high = hex_digit(text[2 * i]);
    const auto low = hex_digit(text[2 * i + 1]);
    if (!high || !low) return false;
    out[i] = static_cast<uint8_t>(*high << 4 | *low);
  }
  return true;
}

bool parse_secret(std::string_view text, std::optional<KeyBytes>& out) {
  return parse_key(text, out.emplace().mutable_bytes());
}

template <typename Number>
bool parse_number(std::string_view text, std::optional<Number>& out) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  out = value;
  return true;
}

// Flags exist only as `true`: what is not asked for is left out.
bool parse_flag(std::string_view text, bool& out) {
  if (text != "true") return false;
  out = true;
  return true;
}

bool parse_endpoint(std::string_view text, std::optional<SocketAddress>& out) {
  out = SocketAddress::parse(text);
  if (out) out->ip = out->ip.unmapped();
  return out.has_value();
}

bool parse_allowed_ip(std::string_view text, SetPeer& peer) {
  AllowedIpChange change;
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) {
    change.is_removal = text.front() == '-';
    text.remove_prefix(1);
  }
  // A bare address would mean a whole-length prefix elsewhere; here the mask is mandatory.
  if (text.find('/') == std::string_view::npos) return false;
  const std::optional<IpPrefix> prefix = IpPrefix::parse(text);
  if (!prefix) return false;
  change.prefix = *prefix;
  peer.allowed_ips.push_back(change);
  return true;
}

bool set_device_key(std::string_view key, std::string_view value, SetRequest& request) {
  if (key == "private_key") return parse_secret(value, request.private_key);
  if (key == "listen_port") return parse_number(value, request.listen_port);
  if (key == "fwmark") {
    if (value.empty()) value = "0";
    return parse_number(value, request.fwmark);
  }
  if (key == "replace_peers") return parse_flag(value, request.replace_peers);
  return false;
}

bool set_peer_key(std::string_view key, std::string_view value, SetPeer& peer) {
  if (key == "remove") return parse_flag(value, peer.remove);
  if (key == "update_only") return parse_flag(value, peer.update_only);
  if (key == "preshared_key") return parse_secret(value, peer.preshared_key);
  if (key == "endpoint") return parse_endpoint(value, peer.endpoint);
  if (key == "persistent_keepalive_interval") {
    return parse_number(value, peer.persistent_keepalive_seconds);
  }
  if (key == "replace_allowed_ips") {
    peer.allowed_ips.clear();  // Lines before this one are replaced too.
    return parse_flag(value, peer.replace_allowed_ips);
  }
  if (key == "allowed_ip") return parse_allowed_ip(value, peer);
  if (key == "protocol_version") return value == "1";
  return false;
}

std::string_view take_line(std::string_view& text) {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

UapiRequest parse_set(std::string_view lines) {
  SetRequest request;
  while (!lines.empty()) {
    const std::string_view line = take_line(lines);
    if (line.empty()) return lines.empty() ? UapiRequest(std::move(request)) : UapiError{EPROTO};
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos) return UapiError{EPROTO};
    const std::string_view key = line.substr(0, equals);
    const std::string_view value = line.substr(equals + 1);
    if (key == "public_key") {
      if (!parse_key(value, request.peers.emplace_back().public_key.bytes)) {
        return UapiError{EINVAL};
      }
    } else if (!(request.peers.empty() ? set_device_key(key, value, request)
                                       : set_peer_key(key, value, request.peers.back()))) {
      return UapiError{EINVAL};
    }
  }
  return UapiError{EPROTO};
}

void append_hex(std::string_view key, std::span<const uint8_t> bytes, std::string& out) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  out.append(key).push_back('=');
  for (const uint8_t byte : bytes) {
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  out.push_back('\n');
}

}  // namespace

std::optional<size_t> request_bytes(std::string_view text, size_t searched) {
  // An empty line first cannot begin an operation, but it ends what was sent.
  if (!text.empty() && text.front() == '\n') return 1;
  const size_t from = searched > 0 ? searched - 1 : 0;  // The break may straddle two reads.
  const size_t end = text.find("\n\n", from);
  if (end == std::string_view::npos) return std::nullopt;
  return end + 2;
}

UapiRequest parse_request(std::string_view text) {
  const std::string_view operation = take_line(text);
  if (operation == "set=1") return parse_set(text);
  if (operation != "get=1" || text != "\n") return UapiError{EPROTO};
  return GetRequest{};
}

void append_interface(const InterfaceState& state, std::string& out) {
  const auto to = std::back_inserter(out);
  if (state.private_key) append_hex("private_key", state.private_key->bytes(), out);
  if (state.listen_port != 0) fmt::format_to(to, "listen_port={}\n", state.listen_port);
  if (state.fwmark != 0) fmt::format_to(to, "fwmark={}\n", state.fwmark);
}

void append_peer(const PeerState& peer, std::string& out) {
  const auto to = std::back_inserter(out);
  append_hex("public_key", peer.public_key.bytes, out);
  append_hex("preshared_key", peer.preshared_key.bytes(), out);
  out += "protocol_version=1\n";
  if (peer.endpoint) fmt::format_to(to, "endpoint={}\n", to_text(*peer.endpoint));
  fmt::format_to(to,
                 "last_handshake_time_sec={}\nlast_handshake_time_nsec={}\n"
                 "tx_bytes={}\nrx_bytes={}\npersistent_keepalive_interval={}\n",
                 peer.last_handshake_seconds, peer.last_handshake_nanoseconds, peer.tx_bytes,
                 peer.rx_bytes, peer.persistent_keepalive_seconds);
  for (const IpPrefix& prefix : peer.allowed_ips) {
    fmt::format_to(to, "allowed_ip={}\n", to_text(prefix));
  }
}

void append_get_result(int error_number, std::string& out) {
  fmt::format_to(std::back_inserter(out), "errno={}\n\n", error_number);
}

void append_set_result(int error_number, std::string& out) {
  fmt::format_to(std::back_inserter(out), "errno={}\n\n", -error_number);
}

}  // namespace connlib::wg
