#!/usr/bin/env bash
# The session is renewed after 120 s (REKEY_AFTER_TIME) while pings run ten times a second, and none is lost. Two pairs
# side by side: our program as initiator, and the other's.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
story 220 "$@"
SECONDS_OF_PINGS=${SECONDS_OF_PINGS:-130}
declare -A BEFORE

for pair in o t; do
  hosts $pair
  if [ $pair = o ]; then tunnel "$OURS" "$THEIRS" v4 psk o; else tunnel "$THEIRS" "$OURS" v6 psk t; fi
  expect "pair $pair: the first handshake" ping_both ${pair}i 2
  BEFORE[$pair]=$(handshake_time ${pair}i)
done
for pair in o t; do
  for family in 10.99.0.2 fd99::2; do
    # Packets carry a pattern, so that a corrupted one counts as lost too.
    start "ping-$pair-${family//[.:]/}" ${pair}i ping -i 0.1 -w "$SECONDS_OF_PINGS" -W 10 -p c0ffee -q "$family"
  done
done
wait "${PID[ping-o-109902]}" "${PID[ping-o-fd992]}" "${PID[ping-t-109902]}" "${PID[ping-t-fd992]}" || true
for pair in o t; do
  if [ $pair = o ]; then who=$(short "$OURS"); else who=$(short "$THEIRS"); fi
  for family in 109902 fd992; do
    summary=$(grep 'packets transmitted' "$WORK/ping-$pair-$family.log")
    # `-w` ends ping with one request in flight.
    lost=$(awk '{ print $1 - $4 }' <<<"$summary")
    [ "$lost" -le 1 ] || fail "$who initiates: $summary"
    say "ok: $who initiates: $summary"
  done
  after=$(handshake_time ${pair}i)
  age=$((after - BEFORE[$pair]))
  if [ "$age" -lt 115 ] || [ "$age" -gt 130 ]; then fail "$who initiates: renewed after $age s, expected about 120 s"; fi
  say "ok: $who renewed its session after $age s"
done
