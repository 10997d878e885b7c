#!/usr/bin/env bash
# Two hosts, a router between them, one WireGuard tunnel by connlib-wg: from nothing to a ping and back to nothing.
# Needs root and /dev/net/tun. Everything happens in network namespaces; the machine's own network is not touched.
# shellcheck source-path=SCRIPTDIR/../interop source=../interop/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../interop/lib.sh"
THEIRS=$OURS
story 55 "$@"
need iperf3
title() { printf '\n== %s\n' "$*"; }
PATH=$(dirname "$(command -v "$OURS")"):$PATH
cd "$WORK"  # So that keys have short names.
# run HOST COMMAND...: shows the command as the host's user would type it, and what it says.
run() {
  local where=$1; shift
  say "$where\$ $*"
  host "$where" timeout 20 "$@" 2>&1 | sed 's/^/    /'
}

cat <<'TXT'
connlib-wg is WireGuard in user space: a program that makes a network interface and is configured by wg(8).

    alice                          router                         bob
  ┌────────────────┐           ┌────────────┐           ┌────────────────┐
  │ 198.51.100.2   ├───────────┤            ├───────────┤   203.0.113.2  │   what the router sees: UDP, sealed
  │                │           └────────────┘           │                │
  │ 10.99.0.1      ╞════════════════════════════════════╡   10.99.0.2    │   what the hosts see: a cable
  └────────────────┘            the tunnel              └────────────────┘
TXT

title "1  Two hosts and a router, as network namespaces"
add_host alice router bob
cable alice eth0 router eth0
cable bob eth0 router eth1
address alice eth0 198.51.100.2/24
address router eth0 198.51.100.1/24
address router eth1 203.0.113.1/24
address bob eth0 203.0.113.2/24
host router sysctl -qw net.ipv4.ip_forward=1
ip -n "$(ns alice)" route add default via 198.51.100.1
ip -n "$(ns bob)" route add default via 203.0.113.1
run alice ping -c 1 -q 203.0.113.2

title "2  connlib-wg on both, with fresh keys"
make_keys alice bob
for name in alice bob; do
  device=$(interface $name)
  INTERFACES+=("$device")
  run $name "$(basename "$OURS")" "$device"  # Returns once the interface serves.
done
run alice wg set "$(interface alice)" private-key alice.key listen-port 51820 \
  peer "$(public_key bob)" endpoint 203.0.113.2:51820 allowed-ips 10.99.0.2/32
run bob wg set "$(interface bob)" private-key bob.key listen-port 51820 \
  peer "$(public_key alice)" allowed-ips 10.99.0.1/32
address alice "$(interface alice)" 10.99.0.1/24
address bob "$(interface bob)" 10.99.0.2/24
for name in alice bob; do run $name ip link set "$(interface $name)" up; done

title "3  A ping through the tunnel"
run alice ping -c 3 -i 0.2 -W 5 10.99.0.2

title "4  Five seconds of TCP through the tunnel"
start iperf bob iperf3 -s -1 -B 10.99.0.2
listens() { host bob ss -Hltn 'sport = :5201' | grep -q .; }
within 5 "iperf3 to listen" listens
run alice iperf3 -c 10.99.0.2 -t 5 -i 0 -f m

title "5  What wg(8) says"
run alice wg show "$(interface alice)"
since=$(host alice wg show "$(interface alice)" latest-handshakes | cut -f2)
[ "$since" -gt 0 ] || fail "no handshake: the ping did not pass the tunnel"

title "6  And back to nothing"
run alice ip link delete "$(interface alice)"  # The program ends with its interface,
run bob rm "$SOCKETS/$(interface bob).sock"    # or with its control socket.
nothing_left() { [ -z "$(ip netns pids "$(ns "$1")")" ] && ! ip -n "$(ns "$1")" link show "$(interface "$1")" >/dev/null 2>&1; }
for name in alice bob; do within 5 "$name to be empty" nothing_left $name; done
[ ! -e "$SOCKETS/$(interface alice).sock" ] || fail "alice's control socket is still there"
say "Both programs have ended; namespaces, interfaces and sockets are gone."
