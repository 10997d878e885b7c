#!/usr/bin/env bash
# wg(8) drives our program as it drives wireguard-go: the same lines from `wg show`, setconf, syncconf, showconf.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
story 90 "$@"
hosts
tunnel "$OURS" "$THEIRS" v4 psk
set_wireguard i peer "$(public_key r)" persistent-keepalive 25
set_wireguard r peer "$(public_key i)" persistent-keepalive 25
set_wireguard i fwmark 0x2a
set_wireguard r fwmark 0x2a
expect "the tunnel is up" ping_both i 2

# The names of what is printed, in order, without the values.
fields() { sed -E 's/^ *([a-z ]+):.*/\1/' <<<"$1" | paste -sd,; }
ours=$(host i wg show "$(interface i)")
theirs=$(host r wg show "$(interface r)")
say "$ours"
[ "$(fields "$ours")" = "$(fields "$theirs")" ] || fail "wg show differs: $(fields "$ours") and $(fields "$theirs")"
say "ok: the same lines as $(short "$THEIRS"): $(fields "$ours")"
for line in 'endpoint: 192.0.2.2:51820' 'latest handshake: ([0-9]+ seconds? ago|Now)' 'transfer: .* received, .* sent' \
  'persistent keepalive: every 25 seconds' 'preshared key: \(hidden\)' 'private key: \(hidden\)' 'listening port: 51820' \
  'fwmark: 0x2a' 'allowed ips: 10.99.0.2/32, fd99::2/128'; do
  grep -qE "^ *$line\$" <<<"$ours" || fail "wg show lacks: $line"
done
say "ok: endpoint, handshake, transfer, keepalive, fwmark and allowed IPs are right"

quiet_counts_agree() {
  local mine other; mine=$(shown i transfer); other=$(shown r transfer)
  [ "$(awk '{ print $2, $1 }' <<<"$mine")" = "$(awk '{ print $1, $2 }' <<<"$other")" ]
}
within 5 "both ends to count the same bytes: $(shown i transfer) and $(shown r transfer)" quiet_counts_agree
say "ok: received and sent bytes agree with $(short "$THEIRS")'s to the byte: $(shown i transfer)"
mine=$(handshake_time i) other=$(handshake_time r)
if [ $((mine - other)) -lt -1 ] || [ $((mine - other)) -gt 1 ]; then fail "latest handshake: $mine and $other"; fi
say "ok: latest handshake is a date: $mine"

# dump: private key, public key, port, fwmark; then the peer.
dump=$(host i wg show "$(interface i)" dump)
[ "$(head -n 1 <<<"$dump" | cut -f1)" = "$(cat "$WORK/i.key")" ] || fail "dump does not show the private key"
[ "$(sed -n 2p <<<"$dump" | cut -f2)" = "$(cat "$WORK/psk")" ] || fail "dump does not show the pre-shared key"
say "ok: wg show dump reads back what was set"

host i wg showconf "$(interface i)" >"$WORK/i.conf"
host i wg setconf "$(interface i)" "$WORK/i.conf"
host i wg showconf "$(interface i)" | diff - "$WORK/i.conf" >/dev/null || fail "setconf of showconf changed something"
expect "setconf of what showconf printed: the tunnel works again" ping_both i 2
make_keys x
cat >>"$WORK/i.conf" <<CONF

[Peer]
PublicKey = $(public_key x)
AllowedIPs = 10.99.7.0/24, fd99:7::/64
Endpoint = [2001:db8:1::7]:7777
CONF
handshake=$(handshake_time i)
host i wg syncconf "$(interface i)" "$WORK/i.conf"
[ "$(host i wg show "$(interface i)" peers | wc -l)" = 2 ] || fail "syncconf did not add the peer"
[ "$(host i wg show "$(interface i)" latest-handshakes | awk -v k="$(public_key r)" '$1 == k { print $2 }')" = "$handshake" ] ||
  fail "syncconf disturbed a session"
say "ok: syncconf adds a peer and leaves the other's session alone"

# The longest prefix belongs to one peer at a time.
set_wireguard i peer "$(public_key x)" allowed-ips "10.99.0.2/32,10.99.7.0/24"
host i wg show "$(interface i)" allowed-ips | grep -F "$(public_key r)" | grep -q '10\.99\.0\.2' && fail "two peers own 10.99.0.2/32"
ping_once i 10.99.0.2 >/dev/null && fail "a packet took a route that another peer owns"
say "ok: an allowed IP that is given to another peer leaves the first"
set_wireguard i peer "$(public_key r)" allowed-ips "10.99.0.2/32,fd99::2/128"
expect "and comes back" ping_both i 2

# Cryptokey routing: what a peer sends from an address it does not own is dropped.
address r "$(interface r)" 10.99.0.77/24
host r timeout 5 ping -c 2 -i 0.2 -W 1 -q -I 10.99.0.77 10.99.0.1 >/dev/null && fail "a foreign source address was let in"
say "ok: a foreign inner source address is dropped"

set_wireguard i peer "$(public_key x)" remove
[ "$(host i wg show "$(interface i)" peers)" = "$(public_key r)" ] || fail "the peer was not removed"
set_wireguard i peer "$(public_key r)" remove
ping_once i 10.99.0.2 >/dev/null && fail "a removed peer is still reached"
say "ok: a removed peer is not reached any more"

# A port that somebody else holds comes back as errno text.
start holder i socat -u UDP4-RECV:51999 STDOUT
holds_port() { host i ss -Hlun "sport = :$1" | grep -q .; }
within 5 "the port to be held" holds_port 51999
expect_failure "a port that is taken" 'Address already in use' \
  ip netns exec "$(ns i)" wg set "$(interface i)" listen-port 51999
set_wireguard i listen-port 51998
[ "$(host i wg show "$(interface i)" listen-port)" = 51998 ] || fail "the port was not changed"
within 5 "the new port to be open" holds_port 51998
say "ok: another port is taken and shown"
