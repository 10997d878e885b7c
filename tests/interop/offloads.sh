#!/usr/bin/env bash
# Offloads go away and paths get narrower while a transfer runs: checksums and segmentation of the devices are switched
# off and on, the MTU between the hosts shrinks below what a sealed packet needs. Every byte arrives, and the program says
# what it gave up.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
story 120 "$@"
need python3 ethtool
BYTES=$((64 << 20))
[ "${CONNLIB_SANITIZED:-0}" = 0 ] || BYTES=$((8 << 20))
# set_offloads on|off
set_offloads() {
  local name
  for name in i r; do host "$name" ethtool -K eth0 tx "$1" sg "$1" tso "$1" gso "$1" gro "$1" >/dev/null 2>&1 || true; done
}
set_mtu() { for name in i r; do ip -n "$(ns $name)" link set eth0 mtu "$1"; done; }

hosts
tunnel "$OURS" "$OURS" v4 psk
expect "the tunnel is up" ping_both i 2
port=5000
for change in "set_offloads off" "set_offloads on" "set_mtu 1300" "set_mtu 1500"; do
  port=$((port + 1))
  start_transfer i r 10.99.0.2 $port "$BYTES"
  sleep 0.1  # So that the change comes in the middle; the transfer is right either way.
  $change
  finish_transfer $port
  say "ok: $change while a transfer runs"
done
start_transfer r i fd99::1 5010 "$BYTES"
finish_transfer 5010
end_tunnel
sockets=$(grep -h 'socket sent_runs' "$WORK"/*.log)
grep -qE 'narrow_runs=[1-9]' <<<"$sockets" || fail "the story is wrong: no path was too narrow: $sockets"
grep -vq 'lost_too_big=0' <<<"$sockets" && fail "datagrams were lost for their size: $sockets"
say "ok: what a narrow path could not take in one piece went out datagram by datagram, nothing was lost for its size"
