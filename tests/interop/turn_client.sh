#!/usr/bin/env bash
# Our TURN client and a TURN server: allocate, bind a channel, data both ways, refresh, stale nonces, other credentials,
# and a server that restarts, forgets its secret, or falls silent.
# usage: turn_client.sh v4|v6 coturn|ours [patient]
# The first argument is how the client reaches the server, the second which server it is. A patient story waits until the
# client asks by itself whether the allocation is still there, which it does once a minute; others tell it to.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=turn.sh
source "$(dirname "${BASH_SOURCE[0]}")/turn.sh"
CLIENT=${TURN_CLIENT:-$REPOSITORY/build/tests/turn_client}
SERVER=${2:-coturn}
OURS=$CLIENT THEIRS=turnutils_peer
story 240 "$@"
need turnutils_peer openssl ss
if [ "$SERVER" = coturn ]; then need turnserver turnadmin; else need curl; fi

# i is the client, r the relay and, at the addresses that end in 3, the peer: coturn's own echo.
hosts
add_host p
cable r eth1 p eth0
address r eth1 192.0.3.1/24 2001:db8:3::1/64
address p eth0 192.0.3.3/24 2001:db8:3::3/64
ip -n "$(ns p)" route add default via 192.0.3.1
ip -n "$(ns p)" -6 route add default via 2001:db8:3::1
RELAY4=192.0.2.2 RELAY6=2001:db8:1::2
PEER4=192.0.3.3:3480 PEER6='[2001:db8:3::3]:3480' RELAYED4='^relayed 192\.0\.2\.2:' RELAYED6='^relayed \[2001:db8:1::2\]:'
if [ "${1:-v4}" = v4 ]; then RELAY=$RELAY4:3478 PEERS=("$PEER4") RELAYED=("$RELAYED4")
else RELAY=[$RELAY6]:3478 PEERS=("$PEER6") RELAYED=("$RELAYED6"); fi
# coturn knows ADDITIONAL-ADDRESS-FAMILY by a number of its own, so it gives one relayed address: of the client's family.
[ "$SERVER" = coturn ] || PEERS=("$PEER4" "$PEER6") RELAYED=("$RELAYED4" "$RELAYED6")
PATIENT=${3:-}
start echo p turnutils_peer -L 192.0.3.3 -L 2001:db8:3::3 -p 3480
within 10 "the peer to listen" listens_on p 3480 192.0.3.3

# --- the server, and what it did

coturn_said() { [ "$(grep -cE -- "$1" "$WORK/server.log")" -ge "${2:-1}" ]; }
# counted METHOD: how many successes connlib-relay tells.
counted() {
  host r curl -sf -m 5 http://127.0.0.1:8080/metrics |
    awk -v name="connlib_relay_responses_total{message_type=\"$1\",response_class=\"success\"}" '$1 == name { print $2 }'
}
has_bound() {
  case $SERVER in
    coturn) coturn_said 'CHANNEL_BIND processed, success' ;;
    *) [ "$(counted channelbind)" -ge 1 ] ;;
  esac
}
# has_refreshed [TIMES]
has_refreshed() {
  case $SERVER in
    coturn) coturn_said 'REFRESH processed, success' "${1:-1}" ;;
    *) [ "$(counted refresh)" -ge "${1:-1}" ] ;;
  esac
}
# has_allocated_again NAME: connlib-relay does not tell names; that it took back the first allocation says enough.
has_allocated_again() {
  case $SERVER in
    coturn) coturn_said "new, .*username=<$1>" ;;
    *) [ "$(counted allocate)" -eq 2 ] && [ "$(grep -c 'allocation removed' "$WORK/server.log")" -eq 1 ] ;;
  esac
}
# serve SECRETS: a server that remembers nothing, under the addresses of the one before. SECRETS is known, or other.
serve() {
  case $SERVER in
    coturn) start_coturn server r "$1" $RELAY4 $RELAY6 --allocation-default-address-family=keep --stale-nonce=20 ;;
    *) HEALTH=127.0.0.1:8080 SECRET=${SECRET_OF[$1]} start_relay server r $RELAY4 $RELAY6 --log debug ;;
  esac
}
declare -A SECRET_OF=([known]=$SECRET [other]=another-secret)

# --- the client, and what it said

# start_client SALT [SECRET]: its stdin is a pipe that `tell` writes to.
start_client() {
  credentials "$@"
  mkfifo "$WORK/commands"
  exec {COMMANDS}<>"$WORK/commands"
  # shellcheck disable=SC2016
  start client i sh -c 'pipe=$1; shift; exec "$@" <"$pipe"' sh "$WORK/commands" "$CLIENT" --turn "$RELAY" --user "$USER_NAME" --pw "$PASSWORD" \
    --log debug
}
tell() { echo "$*" >&"$COMMANDS"; }
# mark: what the client says from here on is what counts.
mark() { MARK=$(wc -l <"$WORK/client.log"); }
new_lines() { tail -n "+$((MARK + 1))" "$WORK/client.log"; }
said() { new_lines | grep -E "$@"; }
has_said() { said "$1" >/dev/null; }
is_relayed() { local one; for one in "${RELAYED[@]}"; do has_said "$one" || return 1; done; }

# expect_data WHAT: a datagram to each peer and its echo back.
expect_data() {
  local peer
  for peer in "${PEERS[@]}"; do
    within 10 "the peer to echo, $1" echoes "$peer" "${1// /-}"
    say "ok: data both ways with $peer: $1"
  done
}
echoes() {
  tell "send $1 $2"
  sleep 0.2
  new_lines | grep -qFx "received $1 $2"
}

say "- allocate, bind, send"
MARK=0
if [ "$SERVER" = coturn ]; then
  admit known first
  admit known second
  admit other second another-secret
fi
serve known
start_client first
within 10 "a relayed address" is_relayed
say "ok: $(said '^relayed')"
expect "our own address and how the server sees it" has_said '^address local=.* mapped='
expect_data "at first"
expect "the server bound a channel" has_bound

say "- refresh"
tell check
within 10 "the server to refresh" has_refreshed
expect_data "after a refresh"
if [ "$PATIENT" ]; then
  within 90 "a refresh of the client's own, with a nonce that coturn calls stale" \
    coturn_said 'error 438: Stale nonce'
  within 10 "coturn to accept the next nonce" has_refreshed 2
  say "ok: refreshed by itself, with a fresh nonce"
fi
expect "the client allocated once" test "$(said -c '^relayed')" = ${#RELAYED[@]}
expect_data "through the same channel"

say "- other credentials"
mark
credentials second
tell "credentials $USER_NAME $PASSWORD"
within 15 "a relayed address for the other user" is_relayed
expect "the old one is gone" has_said '^removed'
expect "it belongs to the other user" has_allocated_again "$USER_NAME"
expect_data "as another user"

# restart SECRETS
restart() {
  { stop server KILL || true; } 2>/dev/null
  mark
  serve "$1"
}
say "- the server restarts"
restart known
[ "$PATIENT" ] || tell check
within 90 "the client to notice" has_said '^removed'
say "ok: noticed"
within 15 "a relayed address after the restart" is_relayed
expect_data "after the restart, without fresh credentials"

say "- the server restarts with another secret"
restart other
tell check
# connlib-relay signs its refusal with the new secret: nobody should believe it, but it is a reason to ask for other
# credentials long before the request is given up.
if [ "$SERVER" = coturn ]; then VOID='^failed wrong credentials'; else VOID='^credentials outdated'; fi
within 30 "the client to see that its credentials are void" has_said "$VOID"
mark
# Of the same name: coturn keeps a 5-tuple to the first name it saw there, and answers others 437 for a minute.
credentials second another-secret
tell "credentials $USER_NAME $PASSWORD"
within 15 "a relayed address with fresh credentials" is_relayed
expect_data "with fresh credentials"

say "- the server falls silent"
# A signal takes its time to reach every thread; one that still runs would answer.
is_stopped() { ! grep -h '^State:' /proc/"$1"/task/*/status | grep -qv stopped; }
kill -STOP "${PID[server]}"
within 10 "the server to stand still" is_stopped "${PID[server]}"
mark
tell check
within 15 "the client to give it up" has_said '^failed no response'
kill -CONT "${PID[server]}"
mark
tell restart
within 15 "a relayed address" is_relayed
expect_data "once it is back"
tell quit
within 5 "the client to end" is_gone "${PID[client]}"
