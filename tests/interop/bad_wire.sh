#!/usr/bin/env bash
# The cable loses, doubles and reorders datagrams: TCP inside arrives intact, late packets are taken, doubled ones are
# delivered once.
# usage: bad_wire.sh ours|theirs      whose program initiates
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
story 120 "$@"
need python3
case ${1:-ours} in ours) first=$OURS second=$THEIRS ;; *) first=$THEIRS second=$OURS ;; esac
say "$(short "$first") initiates, $(short "$second") responds"
BYTES=$((4 << 20))
LOSS=1 PINGS=300

add_host i r
start wire i python3 "$REPOSITORY/tests/interop/wire.py" "$(ns i)" eth0 "$(ns r)" eth0 \
  --delay 3 --loss $LOSS --dup 5 --reorder 10 --reorder-by 12 --seed "${CONNLIB_SEED:-1}"
is_ready() { grep -q ready "$WORK/wire.log"; }
within 10 "the wire" is_ready
addresses

tunnel "$first" "$second" v6 psk
within 30 "the handshake" ping_once i 10.99.0.2
# Five requests within the time that a late one takes, so a late one arrives behind its successors.
summary=$(host i timeout 60 ping -c $PINGS -i 0.005 -W 2 10.99.0.2 || true)
doubled=$(grep -c 'DUP!' <<<"$summary" || true)
received=$(sed -nE 's/.* ([0-9]+) received.*/\1/p' <<<"$summary")
[ "$doubled" -eq 0 ] || fail "$doubled doubled packets came through"
# 2 % are lost there and back, 6 % leave room for chance. Were late ones refused, 20 % would be missing.
[ "$received" -ge $((PINGS * 94 / 100)) ] || fail "$received of $PINGS pings came back"
out_of_order() { awk -F'icmp_seq=' 'NF > 1 { n = $2 + 0; if (n < last) late++; else last = n } END { print late + 0 }'; }
late=$(out_of_order <<<"$summary")
[ "$late" -gt 0 ] || fail "the story is wrong: nothing was late"
say "ok: $received of $PINGS pings, $late of them late, none doubled"
start_transfer i r 10.99.0.2 5001 "$BYTES"
finish_transfer 5001
start_transfer r i fd99::1 5002 "$BYTES"
finish_transfer 5002
end_tunnel
stop wire || true
say "the wire: $(tail -n 2 "$WORK/wire.log" | paste -sd' ')"
for fate in lost doubled reordered; do
  grep -qE "1to2.* $fate=[1-9]" "$WORK/wire.log" || fail "the wire was too good: no datagram was $fate"
done
