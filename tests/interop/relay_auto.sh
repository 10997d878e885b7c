#!/usr/bin/env bash
# A relay that finds its own public addresses: behind NATs, on a public host, and where there is none to find.
# shellcheck source-path=SCRIPTDIR source=lib.sh
WG_UNDER_TEST=${RELAY_UNDER_TEST:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build/bin/connlib-relay} \
  WG_PEER=turnutils_uclient
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=nat.sh
source "$(dirname "${BASH_SOURCE[0]}")/nat.sh"
story 150 "$@"
need turnutils_peer curl nft ss

# The relay of the story is in site a, its client in site b; srv has another relay, for STUN, and the client's peer.
sites
nat b cone
OTHER4=203.0.113.10 OTHER6=2001:db8:100::a PUBLIC4=203.0.113.21
# The lab's addresses are documentation ranges: private to the relay.
COMMON=(--standalone --drain 0 --user alice:swordfish --control-endpoint off --max-allocations 64 --allow-rfc5766-channels)
LAB=("${COMMON[@]}" --health-check-addr 127.0.0.1:8080 --allow-private-peers)
start_other() {
  start other srv "$OURS" "${LAB[@]}" --public-ip4-addr "$OTHER4" --public-ip6-addr "$OTHER6"
  within 10 "the other relay to be ready" host srv curl -sf -m 5 http://127.0.0.1:8080/readyz
}
start_other
start echo srv turnutils_peer -L "$OTHER4" -L "$OTHER6" -p 3480

# one_to_one [hairpin]: all ports of the public address are the relay's, as clouds do it.
one_to_one() {
  host na nft -f - <<RULES
table ip nat; delete table ip nat
table ip nat {
  chain inbound { type nat hook prerouting priority dstnat
    $([ "${1:-}" = hairpin ] || echo 'iifname "wan"') ip daddr $PUBLIC4 dnat to 10.1.0.2
  }
  chain outbound { type nat hook postrouting priority srcnat
    ip saddr 10.1.0.2 snat to $PUBLIC4
  }
}
RULES
}
start_auto() {
  start relay a "$OURS" "${LAB[@]}" "$@"
  within 15 "the relay to be ready" host a curl -sf -m 5 http://127.0.0.1:8080/readyz
}
found() { grep -E "public address found address=$1 by=$2 behind_nat=$3 reaches_itself=$4" "$WORK/relay.log"; }
# relays ADDRESS OPTIONS...: coturn's client in site b, through ADDRESS.
relays() {
  local address=$1 output; shift
  output=$(host b timeout 60 turnutils_uclient -u alice -w swordfish -c -n 20 -z 5 "$@" "$address" 2>&1) || return 1
  tail -n 4 <<<"$output"
  grep -q 'Total lost packets 0 (0.000000%)' <<<"$output"
}
# ends_with CODE PATTERN HOST OPTIONS...
ends_with() {
  local code=$1 pattern=$2 where=$3 output status=0; shift 3
  output=$(host "$where" timeout 15 "$OURS" "$@" 2>&1) || status=$?
  echo "status $status: $output"
  [ "$status" -eq "$code" ] && grep -qE -- "$pattern" <<<"$output"
}

say "- behind a NAT that maps one to one"
one_to_one hairpin
start_auto --public-ip4-addr auto --stun-server "$OTHER4"
expect "another relay tells the address, and the test of it succeeds" found "${PUBLIC4//./\\.}" stun yes yes
expect "a client relays through it" relays "$PUBLIC4" -e "$OTHER4" -r 3480
expect "two allocations reach each other there" relays "$PUBLIC4" -y
stop relay || true

one_to_one
start_auto --public-ip4-addr auto --stun-server "$OTHER4:3478"
expect "a NAT that does not lead back is noticed" found "${PUBLIC4//./\\.}" stun yes no
expect "and the operator is told what that costs" grep -q 'warning relay: .*hairpinning' "$WORK/relay.log"
expect "a client relays through it all the same" relays "$PUBLIC4" -e "$OTHER4" -r 3480
stop relay || true

say "- where there is nothing to announce"
AUTO=("${COMMON[@]}" --health-check-addr off --allow-private-peers --public-ip4-addr auto)
nat a symmetric
expect "a NAT that changes ports is refused, with the ports" \
  ends_with 5 'port [0-9]+ of this host is port [0-9]+ to 203.0.113.10:3478' a "${AUTO[@]}" --stun-server "$OTHER4"
expect "a private address will not do" ends_with 5 'is 10.1.0.2, which is not public.*--stun-server' a \
  "${COMMON[@]}" --health-check-addr off --public-ip4-addr auto
expect "nor one that a server sees" ends_with 5 '203.0.113.10:3478 sees .* not a public address' srv \
  "${COMMON[@]}" --health-check-addr off --public-ip4-addr auto --listen-port 3500 --stun-server "$OTHER4"
expect "silent servers are named" ends_with 5 'no STUN server answered: 203.0.113.10:9, 203.0.113.99:3478' a "${AUTO[@]}" \
  --stun-server "$OTHER4:9" --stun-server 203.0.113.99
expect "servers that nobody would ask are a mistake" ends_with 2 'nobody asks' a "${COMMON[@]}" \
  --public-ip4-addr "$PUBLIC4" --stun-server "$OTHER4"
expect "servers are addresses" ends_with 2 'not IP or IP:PORT' a "${AUTO[@]}" --stun-server relay.example
add_host x
expect "a host without a route says so" ends_with 5 'no route to the IPv6 Internet' x "${COMMON[@]}" --public-ip6-addr auto
expect "a taken port is a taken port" ends_with 4 'port 3478' srv "${AUTO[@]}"

say "- by the address of the interface, both families"
stop other || true
start relay srv "$OURS" "${LAB[@]}" --public-ip4-addr auto --public-ip6-addr auto
within 15 "the relay to be ready" host srv curl -sf -m 5 http://127.0.0.1:8080/readyz
expect "the IPv4 address of the host" found "${OTHER4//./\\.}" interface no yes
expect "the IPv6 address of the host" found "$OTHER6" interface no yes
expect "a client relays there, over IPv4" relays "$OTHER4" -y
expect "a client relays there, over IPv6" relays "$OTHER6" -y -x
stop relay || true
host srv nft -f - <<'RULES'
table inet firewall { chain input { type filter hook input priority filter
  udp dport 3478 drop
}
}
RULES
expect "a firewall before the port is noticed" ends_with 5 'does a firewall drop it' srv "${AUTO[@]}"
host srv nft delete table inet firewall

say "- over IPv6"
start_other
start_auto --public-ip6-addr auto --stun-server "[$OTHER6]:3478"
expect "without a NAT the other relay sees the address of the host" found 2001:db8:a::2 stun no yes
expect "a client relays through it" relays 2001:db8:a::2 -x -e "$OTHER6" -r 3480
