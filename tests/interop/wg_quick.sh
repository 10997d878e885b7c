#!/usr/bin/env bash
# wg-quick(8), unchanged, brings our program up and down: a full tunnel with its firewall mark, rules and routes, a reload
# by `wg syncconf` of `wg-quick strip`, and nothing left behind.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
story 90 "$@"
need wg-quick nft
[ ! -e /sys/module/wireguard ] || skip "wg-quick prefers this kernel's own WireGuard"
hosts
make_keys i r x
NAME=$(interface q)
INTERFACES+=("$NAME")
CONF=$WORK/$NAME.conf

start_wireguard r "$THEIRS"
set_wireguard r private-key "$WORK/r.key" listen-port 51820 peer "$(public_key i)" allowed-ips 10.99.0.1/32,fd99::1/128
address r "$(interface r)" 10.99.0.2/24 fd99::2/64
ip -n "$(ns r)" link set "$(interface r)" up
# Reached only through the tunnel, by the default route.
address r lo 198.51.100.1/32 2001:db8:51::1/128

# FwMark is what wg-quick takes anyway; named, it outlives `wg syncconf`, which resets what its file does not name.
cat >"$CONF" <<CONF
[Interface]
PrivateKey = $(cat "$WORK/i.key")
Address = 10.99.0.1/24, fd99::1/64
MTU = 1380
FwMark = 0xca6c
PostUp = touch $WORK/%i.up
PreDown = rm $WORK/%i.up

[Peer]
PublicKey = $(public_key r)
Endpoint = 192.0.2.2:51820
AllowedIPs = 0.0.0.0/0, ::/0
PersistentKeepalive = 25
CONF

quick=(ip netns exec "$(ns i)" env PATH="$(dirname "$(command -v "$OURS")"):$PATH"
  WG_QUICK_USERSPACE_IMPLEMENTATION="$(basename "$OURS")" timeout 20 wg-quick)
rules() { host i ip rule; host i ip -6 rule; host i nft list ruleset; host i ip route show table all; }
before=$(rules)
"${quick[@]}" up "$CONF" </dev/null >"$WORK/quick.log" 2>&1 || fail "wg-quick up: exit $?"
say "$(cat "$WORK/quick.log")"
grep -q "^\[#\] $(basename "$OURS") $NAME\$" "$WORK/quick.log" || fail "wg-quick did not start our program"
expect "inside addresses answer" ping_both i 2
for target in 198.51.100.1 2001:db8:51::1; do expect "the default route leads into the tunnel: $target" ping_inner i "$target"; done
[ "$(host i cat "/sys/class/net/$NAME/mtu")" = 1380 ] || fail "the MTU was not set"
[ "$(host i wg show "$NAME" fwmark)" = 0xca6c ] || fail "the firewall mark is $(host i wg show "$NAME" fwmark)"
[ -e "$WORK/$NAME.up" ] || fail "PostUp did not run"
expect_failure "up a second time" 'already exists' "${quick[@]}" up "$CONF"

handshake() { host i wg show "$NAME" latest-handshakes | awk -v k="$(public_key r)" '$1 == k { print $2 }'; }
since=$(handshake)
cat >>"$CONF" <<CONF

[Peer]
PublicKey = $(public_key x)
AllowedIPs = 10.99.7.0/24
CONF
"${quick[@]}" strip "$CONF" >"$WORK/stripped.conf" || fail "wg-quick strip"
host i wg syncconf "$NAME" "$WORK/stripped.conf" || fail "wg syncconf"
[ "$(host i wg show "$NAME" peers | wc -l)" = 2 ] || fail "the reload did not add the peer"
[ "$(handshake)" = "$since" ] || fail "the reload disturbed a session"
say "ok: syncconf of strip adds a peer and leaves the session alone"

"${quick[@]}" down "$CONF" </dev/null >"$WORK/quick.log" 2>&1 || fail "wg-quick down: exit $?"
nothing_left() {
  [ ! -e "$SOCKETS/$NAME.sock" ] && [ -z "$(ip netns pids "$(ns i)")" ] && ! ip -n "$(ns i)" link show "$NAME" >/dev/null 2>&1
}
within 10 "process, interface and socket to be gone" nothing_left
[ ! -e "$WORK/$NAME.up" ] || fail "PreDown did not run"
[ "$(rules)" = "$before" ] || fail "rules or routes are left: $(rules | diff - <(echo "$before"))"
say "ok: down: process, interface, socket, rules and routes are gone"
