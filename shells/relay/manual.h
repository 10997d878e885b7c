#pragma once

// What --help says beside the options.
namespace connlib::relay {

inline constexpr const char* kDescription =
    "Relays UDP between clients that cannot reach each other: a STUN and TURN server (RFC 8489,\n"
    "RFC 8656) for channels, over IPv4, IPv6 and across both.";

inline constexpr const char* kManual =
    R"(CREDENTIALS
  --stamp-secret SECRET derives them, as a portal does: the user name is EXPIRY:SALT, EXPIRY in Unix
  seconds; the password is the unpadded base64 of SHA-256(EXPIRY:SECRET:SALT). --user adds long-term
  users. The realm is "firezone" for both.

PUBLIC ADDRESSES
  auto asks each --stun-server of the family, from the listening port and from a relayed one. What
  they see is taken if they agree, the ports arrive under their own numbers, and it is public, or
  private with --allow-private-peers. Without --stun-server it is the address of this host, and also
  when none answers and that address is public. Then a datagram from a relayed port to the address
  found is tried. Where it does not arrive, the relay ends if the address is one of this host, and
  warns if it is a NAT's: two clients that meet here would not hear each other. Whether strangers
  get in, only strangers can tell: open UDP --listen-port, and --lowest-port to --highest-port.

PEERS
  Loopback, link-local and multicast addresses and those of this host are always refused (403), but
  for the relayed addresses of other clients. Private ranges need --allow-private-peers.

SIGNALS
  SIGTERM, SIGINT   once: refuse new allocations (508), serve those that exist until none is left or
                    --drain is over. Again, or while draining: end at once.

CONTROL (--control-endpoint)
  connlib-relay ctl status              what it is and does; with --json for scripts
  connlib-relay ctl drain --seconds N   as the first signal
  connlib-relay ctl log FILTER          as --log

HEALTH CHECKS (--health-check-addr)
  GET /healthz      200 while the process lives
  GET /readyz       200 while it takes new allocations, else 503; the body is the version
  GET /metrics      Prometheus' text format, names begin with connlib_relay_

ENVIRONMENT
  Each option is also read from CONNLIB_ and its name in upper case, "-" written "_"
  (CONNLIB_PUBLIC_IP4_ADDR), then without the prefix (PUBLIC_IP4_ADDR), then with FIREZONE_. A flag
  wins over the environment. Secrets are better there than in a command line that all can see.

FILES
  /run/connlib/relay.sock   the control socket: mode 0660, of group connlib where there is one

EXIT STATUS
  0  stopped by a signal or after a drain
  1  internal error
  2  wrong arguments
  3  the limit of open files is too low and cannot be raised
  4  a port or the control socket is taken
  5  no public address was given, or auto found none
  6  not implemented in this version: no --standalone, or an option of the last group above

EXAMPLES
  connlib-relay --standalone --user alice:swordfish --public-ip4-addr 198.51.100.7
  connlib-relay --standalone --user alice:swordfish --public-ip4-addr auto --stun-server 198.51.100.9
  CONNLIB_STAMP_SECRET=… connlib-relay --standalone --public-ip4-addr 198.51.100.7 \
      --public-ip6-addr 2001:db8::7 --lowest-port 50000 --highest-port 50999)";

inline constexpr const char* kCtlManual =
    R"(It talks HTTP over the socket, which scripts can do as well:
  curl --unix-socket /run/connlib/relay.sock http://relay/status
  curl --unix-socket /run/connlib/relay.sock -X POST 'http://relay/drain?seconds=60'
  curl --unix-socket /run/connlib/relay.sock -X POST 'http://relay/log_filter?directives=debug'

EXIT STATUS
  0 done   1 no relay answers, or it refuses   2 usage)";

}  // namespace connlib::relay
