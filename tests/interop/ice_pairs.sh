#!/usr/bin/env bash
# Our ICE agent connects with libnice, with aioice and with itself, as the controlling and as the controlled end, and
# data flows both ways.
# usage: ice_pairs.sh WAY [coturn|ours]      whose the server is, and the way that the network leaves open:
#   v4       direct, through two cone NATs          v6       direct, through two stateful firewalls
#   relay4   symmetric NATs: through the server     relay6   IPv6, relayed candidates only: through the server twice
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=nat.sh
source "$(dirname "${BASH_SOURCE[0]}")/nat.sh"
# shellcheck source=turn.sh
source "$(dirname "${BASH_SOURCE[0]}")/turn.sh"
AGENT=${ICE_AGENT:-$REPOSITORY/build/bin/connlib-ice-agent}
NICE=${ICE_NICE:-$REPOSITORY/build/tests/ice_nice}
AIOICE=$REPOSITORY/tests/interop/ice_aio.py
OURS=$AGENT THEIRS=turnserver
story 120 "$@"
[ -x "$NICE" ] || skip "libnice is not installed, so ice_nice was not built"
/usr/bin/python3 -c 'import aioice' 2>/dev/null || skip "aioice is not installed"
need turnserver turnadmin openssl ss unshare
WAY=${1:-v4} SERVER=${2:-coturn}

sites
case $SERVER in
  ours) credentials agents; start_relay relay srv 203.0.113.10 2001:db8:100::a ;;
  *)
    admit known agents
    start_coturn coturn srv known 203.0.113.10 2001:db8:100::a --allocation-default-address-family=keep
    ;;
esac
case $WAY in
  v4) nat a cone; nat b cone; expected='pair host .* -> (srflx|prflx) ' ;;
  v6) firewall6 a; firewall6 b; expected='pair host \[2001:.* -> (host|prflx) \[2001:' ;;
  relay4) nat a symmetric; nat b symmetric; expected='pair .*relay' ;;
  relay6) firewall6 a; firewall6 b; expected='pair relay \[2001:.* -> (relay|prflx) \[2001:' ;;
  *) fail "unknown way: $WAY" ;;
esac
# Reached over IPv6, it gives an IPv4 address unless asked for another (RFC 8656 §7.2).
[ "$WAY-$SERVER" != relay6-ours ] || expected='pair relay .* -> (relay|prflx) '

# options PROGRAM SITE: one argument a line. aioice and libnice split an address from its port at the last colon.
options() {
  local six='2001:db8:100::a:3478'
  [ "$1" != ours ] || six='[2001:db8:100::a]:3478'
  case $WAY in
    v4) printf '%s\n' --stun 203.0.113.10:3478 ;;
    # One of ours learns its address from a server, the other one from its interfaces.
    v6) [ "$1-$2" != ours-a ] || printf '%s\n' --stun "$six" ;;
    relay4) printf '%s\n' --stun 203.0.113.10:3478 --turn 203.0.113.10:3478 --user "$USER_NAME" --pw "$PASSWORD" ;;
    relay6) printf '%s\n' --relay-only --turn "$six" --user "$USER_NAME" --pw "$PASSWORD" ;;
  esac
  case $WAY-$1 in *4-* | *-nice) ;; *) printf '%s\n' --v6 ;; esac
}
# start_agent PAIR SITE ROLE PROGRAM
start_agent() {
  local pair=$1 site=$2 role=$3 program=$4 theirs command arguments
  case $site in a) theirs=$WORK/$pair.b ;; *) theirs=$WORK/$pair.a ;; esac
  case $program in
    ours) command=("$AGENT") ;;
    nice) command=("$NICE") ;;
    *) command=(/usr/bin/python3 "$AIOICE") ;;
  esac
  mapfile -t arguments < <(options "$program" "$site")
  start "$pair.$site" "$site" timeout 45 "${command[@]}" "$role" "$WORK/$pair.$site" "$theirs" "${arguments[@]}"
}
# expect_end PAIR SITE PROGRAM: all pings were echoed and, where we can tell, along the way that was left open.
expect_end() {
  local name=$1.$2 status=0
  wait "${PID[$name]}" || status=$?
  unset "PID[$name]"
  [ "$status" = 0 ] || fail "$name ($3) ended with $status"
  grep -qx 'echoed 20' "$WORK/$name.log" || fail "$name ($3): not all 20 pings were echoed"
  [ "$3" = ours ] || return 0
  used=$(grep '^pair' "$WORK/$name.log" | tail -n 1)
  grep -qE "$expected" <<<"$used" || fail "$name: expected /$expected/, used $used"
}

# The first of a pair controls. Our relay has channels only, and libnice begins with Send indications.
PAIRS="ours-ours ours-aio aio-ours"
[ "$SERVER" = ours ] || PAIRS="$PAIRS ours-nice nice-ours"
PAIRS=${ICE_PAIRS:-$PAIRS}
for pair in $PAIRS; do
  start_agent "$pair" a controlling "${pair%-*}"
  start_agent "$pair" b controlled "${pair#*-}"
done
for pair in $PAIRS; do
  expect_end "$pair" a "${pair%-*}"
  expect_end "$pair" b "${pair#*-}"
  say "ok: ${pair%-*} controls, ${pair#*-} is controlled: 20 pings there and back; $used"
done
