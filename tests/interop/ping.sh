#!/usr/bin/env bash
# Pings of both inner families over both outer families, with and without a pre-shared key.
# usage: ping.sh ours|theirs      whose program initiates
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
story 120 "$@"
case ${1:-ours} in ours) first=$OURS second=$THEIRS ;; *) first=$THEIRS second=$OURS ;; esac
say "$(short "$first") initiates, $(short "$second") responds"
hosts
for outer in v4 v6; do
  for secret in nopsk psk; do
    tunnel "$first" "$second" "$outer" "$secret"
    expect "IPv4 and IPv6 inside, $outer outside, $secret: there" ping_both i 2
    expect "IPv4 and IPv6 inside, $outer outside, $secret: back" ping_both r 1
    end_tunnel
  done
done

tunnel "$first" "$second" v4 psk
wg genpsk >"$WORK/another"
set_wireguard i peer "$(public_key r)" preshared-key "$WORK/another"
ping_once i 10.99.0.2 >/dev/null && fail "a wrong pre-shared key went unnoticed"
[ "$(handshake_time i)" = 0 ] || fail "a handshake with a wrong pre-shared key counts as complete"
say "ok: a wrong pre-shared key: no handshake, no ping"
set_wireguard i peer "$(public_key r)" preshared-key "$WORK/psk"
within 15 "the tunnel to heal once the key is right" ping_once i 10.99.0.2
say "ok: the right key heals it"
