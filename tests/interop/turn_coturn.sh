#!/usr/bin/env bash
# Our TURN client against coturn: allocate, bind a channel, data both ways, refresh, stale nonces, other credentials, and
# a server that restarts, forgets its secret, or falls silent.
# usage: turn_coturn.sh v4|v6 [patient]
# The first argument is how the client reaches the server. A patient story waits until the client asks by itself whether
# the allocation is still there, which it does once a minute; others tell it to.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=turn.sh
source "$(dirname "${BASH_SOURCE[0]}")/turn.sh"
CLIENT=${TURN_CLIENT:-$REPOSITORY/build/tests/turn_client}
OURS=$CLIENT THEIRS=turnserver
story 240 "$@"
need turnserver turnadmin turnutils_peer openssl ss

# i is the client, r the relay and, at the addresses that end in 3, the peer: coturn's own echo.
hosts
add_host p
cable r eth1 p eth0
address r eth1 192.0.3.1/24 2001:db8:3::1/64
address p eth0 192.0.3.3/24 2001:db8:3::3/64
ip -n "$(ns p)" route add default via 192.0.3.1
ip -n "$(ns p)" -6 route add default via 2001:db8:3::1
RELAY4=192.0.2.2 RELAY6=2001:db8:1::2
# coturn knows ADDITIONAL-ADDRESS-FAMILY by a number of its own, so it gives one relayed address: of the client's family.
case ${1:-v4} in
  v4) RELAY=$RELAY4:3478 PEER=192.0.3.3:3480 RELAYED='192\.0\.2\.2:' ;;
  *) RELAY=[$RELAY6]:3478 PEER='[2001:db8:3::3]:3480' RELAYED='\[2001:db8:1::2\]:' ;;
esac
PATIENT=${2:-}
start echo p turnutils_peer -L 192.0.3.3 -L 2001:db8:3::3 -p 3480
within 10 "the peer to listen" listens_on p 3480 192.0.3.3

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
is_relayed() { has_said "^relayed $RELAYED"; }
# coturn_said LOG PATTERN TIMES
coturn_said() { [ "$(grep -cE -- "$2" "$WORK/$1.log")" -ge "${3:-1}" ]; }

# expect_data WHAT: a datagram to the peer and its echo back.
expect_data() {
  within 10 "the peer to echo, $1" echoes "${1// /-}"
  say "ok: data both ways: $1"
}
echoes() {
  tell "send $PEER $1"
  sleep 0.2
  new_lines | grep -qFx "received $PEER $1"
}

say "- allocate, bind, send"
MARK=0
admit known first
admit known second
admit other second another-secret
LIMITS=(--allocation-default-address-family=keep --stale-nonce=20)
start_coturn coturn r known $RELAY4 $RELAY6 "${LIMITS[@]}"
start_client first
within 10 "a relayed address" is_relayed
say "ok: $(said '^relayed')"
expect "our own address and how the server sees it" has_said '^address local=.* mapped='
expect_data "at first"
expect "coturn bound a channel" coturn_said coturn 'CHANNEL_BIND processed, success'

say "- refresh"
tell check
within 10 "coturn to refresh" coturn_said coturn 'REFRESH processed, success'
expect_data "after a refresh"
if [ "$PATIENT" ]; then
  within 90 "a refresh of the client's own, with a nonce that coturn calls stale" \
    coturn_said coturn 'error 438: Stale nonce'
  within 10 "coturn to accept the next nonce" coturn_said coturn 'REFRESH processed, success' 2
  say "ok: refreshed by itself, with a fresh nonce"
fi
expect "the client allocated once" test "$(said -c '^relayed')" = 1
expect_data "through the same channel"

say "- other credentials"
mark
credentials second
tell "credentials $USER_NAME $PASSWORD"
within 15 "a relayed address for the other user" is_relayed
expect "the old one is gone" has_said '^removed'
expect "it belongs to the other user" coturn_said coturn "new, .*username=<$USER_NAME>"
expect_data "as another user"

# restart LOG DATABASE: coturn again, under the same addresses, remembering nothing.
restart() {
  { stop coturn KILL || true; } 2>/dev/null
  mark
  start_coturn coturn r "$1" $RELAY4 $RELAY6 "${LIMITS[@]}"
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
within 30 "the client to see that its credentials are void" has_said '^failed wrong credentials'
mark
# Of the same name: coturn keeps a 5-tuple to the first name it saw there, and answers others 437 for a minute.
credentials second another-secret
tell "credentials $USER_NAME $PASSWORD"
within 15 "a relayed address with fresh credentials" is_relayed
expect_data "with fresh credentials"

say "- the server falls silent"
# A signal takes its time to reach every thread; one that still runs would answer.
is_stopped() { ! grep -h '^State:' /proc/"$1"/task/*/status | grep -qv stopped; }
kill -STOP "${PID[coturn]}"
within 10 "coturn to stand still" is_stopped "${PID[coturn]}"
mark
tell check
within 15 "the client to give it up" has_said '^failed no response'
kill -CONT "${PID[coturn]}"
mark
tell restart
within 15 "a relayed address" is_relayed
expect_data "once it is back"
tell quit
within 5 "the client to end" is_gone "${PID[client]}"
