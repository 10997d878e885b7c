#!/usr/bin/env bash
# A side that is flooded with initiations asks for cookies, and a fresh handshake still completes: one cookie, then the
# retry after 5 s carries it. Once the responder is flooded, once the initiator (then the response needs the cookie).
# usage: under_load.sh ours|theirs      whose program initiates
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
story 150 "$@"
need_flood nft
case ${1:-ours} in ours) first=$OURS second=$THEIRS ;; *) first=$THEIRS second=$OURS ;; esac
say "$(short "$first") initiates, $(short "$second") responds"
# Ours is under load from 100/s on; wireguard-go when its handshake queue fills, so a fast machine takes more.
rates() { if [ "$1" = "$OURS" ]; then echo 10000; else echo "${RATES:-20000 60000 180000}"; fi; }

# witness: counts at i the WireGuard messages on the cable to r, and those whose mac2 is not zero. Offsets are bits from
# the UDP header: the type at 64, mac2 of a message of N bytes at 64 + 8 (N - 16).
witness() {
  host i nft -f - <<'NFT'
table inet witness
delete table inet witness
table inet witness {
  counter initiations { }
  counter initiations_mac2 { }
  counter responses { }
  counter responses_mac2 { }
  counter cookies_in { }
  counter cookies_out { }
  chain seen_out {
    type filter hook output priority 0
    oifname eth0 udp length 156 @th,64,8 1 counter name initiations
    oifname eth0 udp length 156 @th,64,8 1 @th,1120,128 != 0 counter name initiations_mac2
    oifname eth0 udp length 72 @th,64,8 3 counter name cookies_out
  }
  chain seen_in {
    type filter hook input priority 0
    iifname eth0 udp length 100 @th,64,8 2 counter name responses
    iifname eth0 udp length 100 @th,64,8 2 @th,672,128 != 0 counter name responses_mac2
    iifname eth0 udp length 72 @th,64,8 3 counter name cookies_in
  }
}
NFT
}
seen() { host i nft list counter inet witness "$1" | sed -nE 's/.*packets ([0-9]+).*/\1/p'; }
seen_all() {
  local name
  for name in initiations initiations_mac2 responses responses_mac2 cookies_in cookies_out; do printf ' %s=%s' "$name" "$(seen $name)"; done
}
# receive_errors HOST: datagrams that its sockets had no room for, as when a busy machine gives the program no time.
receive_errors() { host "$1" cat /proc/net/snmp | awk '$1 == "Udp:" && $6 ~ /^[0-9]+$/ { print $6 }'; }
between() { [ "$1" -le "$2" ] && [ "$2" -le "$3" ]; }
# check_cookie PROGRAM COOKIES USES: one cookie, one use, 5 s. A datagram that the flood crowded out costs one more try.
check_cookie() {
  local most=1 tenths=70
  if [ "$1" != "$OURS" ] || [ "$LOST" -gt 0 ]; then most=3 tenths=170; fi
  between 1 "$2" "$most" || fail "$(short "$1") sent $2 cookies, expected one"
  between 1 "$3" "$most" || fail "the cookie was used $3 times, expected one"
  between 45 "$TENTHS" "$tenths" || fail "it took $TENTHS tenths of a second, expected about 50"
}
tenths_since() { echo $(((${EPOCHREALTIME/./} - $1) / 100000)); }

# handshake_under_load HOST: HOST is flooded, i begins. Sets TENTHS, the duration, and LOST; the witness has the rest.
handshake_under_load() {
  local begin
  tunnel "$first" "$second"
  witness
  start_flood "$1" --count 100000000 --per-second "$2"
  sleep 1  # Load is a matter of the last second.
  [ "$(handshake_time i)" = 0 ] || fail "there was a handshake before the story began"
  begin=${EPOCHREALTIME/./}
  within 25 "the handshake to complete with $2 initiations/s at $1;$(seen_all)" ping_once i 10.99.0.2
  TENTHS=$(tenths_since "$begin")
  LOST=$(receive_errors "$1")
  is_gone "${PID[flood]}" && fail "the flood ended early"
  within 10 "IPv6 inside to pass, too" ping_once i fd99::2
  say "ok: $1 is flooded with $2 initiations/s: connected after $TENTHS tenths of a second;$(seen_all)"
  stop flood || true
  end_tunnel
}

hosts
add_stranger r
for rate in $(rates "$second"); do
  handshake_under_load r "$rate"
  [ "$(seen cookies_in)" -eq 0 ] || break
done
check_cookie "$second" "$(seen cookies_in)" "$(seen initiations_mac2)"
say "ok: the responder under load: a cookie, and the next initiation carried it; $LOST datagrams lost by its socket"

add_stranger i
if [ "$first" = "$THEIRS" ]; then
  for rate in $(rates "$first"); do
    handshake_under_load i "$rate"
    [ "$(seen cookies_out)" -eq 0 ] || break
  done
  check_cookie "$first" "$(seen cookies_out)" "$(seen responses_mac2)"
  say "ok: the initiator under load: a cookie, and the next response carried it; $LOST datagrams lost by its socket"
else
  handshake_under_load i "$(rates "$first")"
  [ "$LOST" -gt 0 ] || [ "$TENTHS" -lt 20 ] || fail "strangers held up our own handshake"
  say "ok: strangers that flood us with initiations do not hold up our own handshake"
fi
