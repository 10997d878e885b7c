# shellcheck shell=bash
# relay_lib.sh: the words of stories about connlib-relay, with coturn's clients. On top of lib.sh:
#
#   relay_hosts          namespaces c (client), s (relay), p (peer), one cable each between c, p and s
#   start_relay OPTIONS  connlib-relay in s, bound to BIND4 and BIND6 [its relayed addresses]; returns once it is ready
#   start_echo           turnutils_peer in p
#   uclient OPTIONS      turnutils_uclient in c, as alice

# shellcheck source-path=SCRIPTDIR source=lib.sh
WG_UNDER_TEST=${RELAY_UNDER_TEST:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build/bin/connlib-relay} \
  WG_PEER=turnutils_uclient
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

RELAY4=203.0.113.10 RELAY6=2001:db8:100::a

relay_hosts() {
  local name
  add_host c s p
  cable c eth0 s eth0
  cable p eth0 s eth1
  address c eth0 198.51.100.2/24 2001:db8:51::2/64
  address s eth0 198.51.100.1/24 2001:db8:51::1/64
  address p eth0 192.0.2.30/24 2001:db8:30::30/64
  address s eth1 192.0.2.1/24 2001:db8:30::1/64
  address s lo "$RELAY4/32" "$RELAY6/128"
  host s sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  for name in c p; do
    ip -n "$(ns "$name")" route add default via "$([ "$name" = c ] && echo 198.51.100.1 || echo 192.0.2.1)"
    ip -n "$(ns "$name")" -6 route add default via "$([ "$name" = c ] && echo 2001:db8:51::1 || echo 2001:db8:30::1)"
  done
}

# The labs' addresses are documentation ranges: private to the relay. turnutils_uclient draws channel numbers from
# all that RFC 5766 allowed.
start_relay() {
  start relay s "$OURS" --standalone --user alice:swordfish --public-ip4-addr "$RELAY4" \
    --public-ip6-addr "$RELAY6" --bind-ip4-addr "${BIND4:-$RELAY4}" --bind-ip6-addr "${BIND6:-$RELAY6}" \
    --health-check-addr 127.0.0.1:8080 --control-endpoint "${CONTROL:-off}" --allow-private-peers --max-allocations 1024 --allow-rfc5766-channels --log debug "$@"
  within 10 "the relay to be ready" get /readyz
}
start_echo() {
  start echo4 p turnutils_peer -L 192.0.2.30 -p 3480
  start echo6 p turnutils_peer -L 2001:db8:30::30 -p 3480
}
# get PATH [FLAGS]: a page of the health checks.
get() { local path=$1; shift; host s curl -sf -m 5 "$@" "http://127.0.0.1:8080$path"; }
metric() { get /metrics | awk -v name="connlib_relay_$1" '$1 == name { print $2 }'; }
metric_is() { [ "$(metric "$1")" = "$2" ]; }

uclient() { host c timeout 60 turnutils_uclient -u alice -w swordfish "$@"; }
# echoes ARGUMENTS: all messages came back.
echoes() {
  local output
  output=$(uclient "$@" 2>&1) || { tail -n 5 <<<"$output"; return 1; }
  tail -n 4 <<<"$output"
  grep -q 'Total lost packets 0 (0.000000%)' <<<"$output"
}
# refused PATTERN COMMAND...: the client fails, and says what the relay answered.
refused() {
  local pattern=$1 output; shift
  ! output=$("$@" 2>&1) || return 1
  tail -n 3 <<<"$output"
  grep -qE "$pattern" <<<"$output"
}
