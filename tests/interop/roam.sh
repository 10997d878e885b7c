#!/usr/bin/env bash
# A host's address changes and traffic follows: once the host that moves is the initiator, once the responder.
# usage: roam.sh ours|theirs      whose program moves; the other has to follow
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
story 120 "$@"
case ${1:-ours} in ours) mover=$OURS other=$THEIRS ;; *) mover=$THEIRS other=$OURS ;; esac
say "$(short "$mover") moves, $(short "$other") follows"

# move HOST FROM TO: the old address is gone before the new one is there. wireguard-go of 2022 keeps sending from the old
# address until its socket is opened anew, so there the port moves too.
PORT=51820
move() {
  ip -n "$(ns "$1")" address del "$2/24" dev eth0
  address "$1" eth0 "$3/24"
  [ "$mover" = "$THEIRS" ] || return 0
  PORT=51821
  set_wireguard "$1" listen-port $PORT
}
endpoint_is() { [ "$(shown "$1" endpoints)" = "$2" ]; }
# moves HOST NUMBER PEER PEER_NUMBER FROM TO
moves() {
  local at=$1 number=$2 peer=$3 peer_number=$4 from=$5 to=$6
  expect "before" ping_inner "$at" "10.99.0.$peer_number"
  within 5 "the endpoint to be $from:51820" endpoint_is "$peer" "$from:51820"
  local handshake; handshake=$(handshake_time "$peer")
  move "$at" "$from" "$to"
  within 10 "traffic from $to to arrive" ping_once "$at" "10.99.0.$peer_number"
  within 5 "the endpoint to be $to:$PORT" endpoint_is "$peer" "$to:$PORT"
  expect "after the move from $from to $to: there" ping_inner "$at" "10.99.0.$peer_number"
  expect "after the move from $from to $to: back" ping_inner "$peer" "fd99::$number"
  [ "$handshake" = "$(handshake_time "$peer")" ] || fail "the move needed a new handshake"
  say "ok: the session went on, the endpoint is $(shown "$peer" endpoints)"
}

hosts
say "- the initiator moves"
tunnel "$mover" "$other"
moves i 1 r 2 192.0.2.1 192.0.2.101
say "- the initiator moves to IPv6"
set_wireguard i peer "$(public_key r)" endpoint "[2001:db8:1::2]:51820"
expect "there" ping_inner i 10.99.0.2
within 5 "the endpoint to be IPv6" endpoint_is r "[2001:db8:1::1]:$PORT"
expect "back" ping_inner r fd99::1
end_tunnel
PORT=51820
say "- the responder moves"
tunnel "$other" "$mover"
expect "the initiator begins" ping_inner i 10.99.0.2
moves r 2 i 1 192.0.2.2 192.0.2.102
end_tunnel
