#!/usr/bin/env bash
# 100,000 initiations with wrong and right mac1 from many addresses hit our program while a real peer transfers over TCP:
# the transfer goes on and arrives intact, and our memory does not grow.
# usage: flood.sh ours|theirs      whose program initiated the session
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
story 120 "$@"
need_flood python3
case ${1:-ours} in
  ours) us=i them=r number=1 first=$OURS second=$THEIRS ;;
  *) us=r them=i number=2 first=$THEIRS second=$OURS ;;
esac
inner=10.99.0.$number
INITIATIONS=${INITIATIONS:-100000}
PER_SECOND=${PER_SECOND:-25000}
RSS_GROWTH_KIB=2048  # Nothing per stranger but the limiter's table of 4096 sources.
# TCP backs off when packets are lost, so single half seconds may be empty on a busy machine.
STALL_SECONDS=5
PART=$((CONNLIB_SANITIZED ? 8 << 20 : 128 << 20))

received() { shown "$us" transfer | awk '{ print $1 }'; }

hosts
add_stranger "$us"
tunnel "$first" "$second"
expect "$(short "$first") initiated the session" ping_both i 2
say "- buffers are in use before the flood"
start_transfer "$them" "$us" "$inner" 5001 "$PART"
finish_transfer 5001
pid=${PID[$(interface "$us")]}
before=$(rss_kib "$pid") port=5002 moved=0
last=$(received) last_move=$SECONDS
start_flood "$us" --count "$INITIATIONS" --per-second "$PER_SECOND" --wrong-percent 50
start_transfer "$them" "$us" "$inner" $port "$PART"
while ! is_gone "${PID[flood]}"; do
  sleep 0.5
  now=$(received)
  if [ "$now" -gt "$last" ]; then moved=$((moved + 1)) last=$now last_move=$SECONDS; fi
  [ $((SECONDS - last_move)) -le "$STALL_SECONDS" ] || fail "the transfer stood still for $STALL_SECONDS s at $now bytes"
  if is_gone "${PID[send-$port]}"; then
    finish_transfer $port
    port=$((port + 1))
    start_transfer "$them" "$us" "$inner" $port "$PART"
  fi
done
wait "${PID[flood]}" || fail "the flood failed: $(cat "$WORK/flood.log")"
[ "$moved" -ge 2 ] || fail "the transfer moved in $moved half seconds only: $(cat "$WORK/flood.log")"
say "ok: the flood: $(cat "$WORK/flood.log"); the transfer moved in $moved half seconds"
finish_transfer $port
expect "the peer is still there" ping_both "$them" "$number"

after=$(rss_kib "$pid")
grown=$((after - before))
say "memory (VmRSS): $before KiB before, $after KiB after"
if [ "$CONNLIB_SANITIZED" = 0 ] && [ "$grown" -gt "$RSS_GROWTH_KIB" ]; then fail "memory grew by $grown KiB"; fi
say "ok: memory grew by $grown KiB, at most $RSS_GROWTH_KIB are allowed"

# What our program counted says that the flood reached it.
is_itself && exit 0
stop_wireguard "$us"
dropped() { sed -nE "s/.*datagrams dropped why=$1 count=([0-9]+).*/\1/p" "$WORK/$(interface "$us").log"; }
wrong=$(dropped bad_mac1) right=$(($(dropped under_load) + $(dropped unknown_peer)))
say "ours dropped $wrong by mac1; $right strangers with a right one"
for count in "$wrong" "$right"; do
  [ "$count" -ge $((INITIATIONS * 2 / 5)) ] || fail "too little of the flood arrived"
done
say "ok: the flood reached our program"
