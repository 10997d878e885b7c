#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "connlib/base/ip.h"
#include "connlib/base/secret.h"
#include "connlib/model/public_key.h"

// The text of WireGuard's cross-platform userspace configuration protocol: `key=value` lines, ended
// by an empty line. What wg(8) speaks to /var/run/wireguard/IFACE.sock. Pure functions; any text
// may come in.
namespace connlib::wg {

using KeyBytes = Secret<32>;

struct AllowedIpChange {
  IpPrefix prefix;
  bool is_removal = false;  // `allowed_ip=-10.0.0.0/8`: only if the peer has it.
};

// SetPeer is one peer section. Fields that are absent stay as they are.
struct SetPeer {
  PublicKey public_key;
  bool remove = false;
  bool update_only = false;
  std::optional<KeyBytes> preshared_key;  // All zero: none.
  std::optional<SocketAddress> endpoint;
  std::optional<uint16_t> persistent_keepalive_seconds;  // 0: off.
  bool replace_allowed_ips = false;
  std::vector<AllowedIpChange> allowed_ips;
};

struct SetRequest {
  std::optional<KeyBytes> private_key;  // All zero: forget it.
  std::optional<uint16_t> listen_port;  // 0: any.
  std::optional<uint32_t> fwmark;       // 0: off.
  bool replace_peers = false;
  std::vector<SetPeer> peers;
};

struct GetRequest {};

// UapiError is a positive errno value. The offending line is not kept: it may hold a key.
struct UapiError {
  int number = 0;
  friend bool operator==(const UapiError&, const UapiError&) = default;
};

using UapiRequest = std::variant<GetRequest, SetRequest, UapiError>;

// request_bytes() is the length of the first whole request in `text`, its empty line included, or
// nullopt while more has to arrive. Looks at nothing before `searched`, which was seen before.
std::optional<size_t> request_bytes(std::string_view text, size_t searched = 0);

// parse_request() reads one whole request. EPROTO: a line is not `key=value`, the operation is
// unknown or the empty line is missing; EINVAL: a key is unknown, out of place or has a bad value.
UapiRequest parse_request(std::string_view text);

// PeerState is what `get` says of one peer.
struct PeerState {
  PublicKey public_key;
  KeyBytes preshared_key;
  std::optional<SocketAddress> endpoint;
  int64_t last_handshake_seconds = 0;  // Unix time; 0: never.
  int64_t last_handshake_nanoseconds = 0;
  uint64_t rx_bytes = 0;
  uint64_t tx_bytes = 0;
  uint16_t persistent_keepalive_seconds = 0;
  std::vector<IpPrefix> allowed_ips;
};

// InterfaceState is what `get` says of the device.
struct InterfaceState {
  std::optional<KeyBytes> private_key;
  uint16_t listen_port = 0;
  uint32_t fwmark = 0;
};

// A get answer is append_interface(), append_peer() for each, append_get_result().
void append_interface(const InterfaceState& state, std::string& out);
void append_peer(const PeerState& peer, std::string& out);

// The last line of an answer. wg(8) wants the number of a failed get positive and that of a failed
// set negative, as wireguard-go sends it; success is `errno=0`.
void append_get_result(int error_number, std::string& out);
void append_set_result(int error_number, std::string& out);

}  // namespace connlib::wg
