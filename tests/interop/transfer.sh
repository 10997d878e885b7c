#!/usr/bin/env bash
# 1 GiB of TCP in each direction arrives with the checksum it left with.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
story 280 "$@"
need python3
# A sanitized build is many times slower.
TRANSFER_BYTES=${TRANSFER_BYTES:-$((CONNLIB_SANITIZED ? 64 << 20 : 1 << 30))}
TCP_HASH=$(dirname "${BASH_SOURCE[0]}")/tcp_hash.py
is_listening() { host "$1" ss -Hltn "sport = :$2" | grep -q .; }

# transfer FROM TO ADDRESS PORT
transfer() {
  local sent received
  start "receive-$4" "$2" python3 "$TCP_HASH" receive "$3" "$4"
  within 10 "the receiver to listen" is_listening "$2" "$4"
  sent=$(host "$1" timeout 120 python3 "$TCP_HASH" send "$3" "$4" "$TRANSFER_BYTES") || fail "sending from $1 to $3"
  within 30 "the receiver to end" is_gone "${PID[receive-$4]}"
  received=$(cat "$WORK/receive-$4.log")
  [ "${sent%% *}" = "${received%% *}" ] || fail "$1 to $3: sent $sent, received $received"
  [ "$(cut -d' ' -f2 <<<"$received")" = "$TRANSFER_BYTES" ] || fail "short: $received"
  say "ok: $TRANSFER_BYTES bytes from $1 to $3, SHA-256 ${sent:0:16}… equal, ${received##* } Mbit/s"
}

hosts
tunnel "$OURS" "$THEIRS" v4 psk
say "$(short "$OURS") at i, $(short "$THEIRS") at r"
expect "the tunnel is up" ping_both i 2
transfer i r 10.99.0.2 5001
transfer r i fd99::1 5002
end_tunnel
if ! is_itself; then
  say "$(short "$OURS") at both ends"
  tunnel "$OURS" "$OURS" v6 psk
  expect "the tunnel is up" ping_both i 2
  transfer i r fd99::2 5003
  transfer r i 10.99.0.1 5004
fi
