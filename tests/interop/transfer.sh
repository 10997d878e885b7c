#!/usr/bin/env bash
# 1 GiB of TCP in each direction arrives with the checksum it left with.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
story 280 "$@"
need python3
# A sanitized build is many times slower.
TRANSFER_BYTES=${TRANSFER_BYTES:-$((CONNLIB_SANITIZED ? 64 << 20 : 1 << 30))}

# transfer FROM TO ADDRESS PORT
transfer() {
  say "- from $1 to $2, $3"
  start_transfer "$@" "$TRANSFER_BYTES"
  finish_transfer "$4"
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
