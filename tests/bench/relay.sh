#!/usr/bin/env bash
# relay.sh FILE: channel data, allocations and memory of connlib-relay and of coturn, each on a cable of its own to
# the load tool, taking turns so that a slow minute of the machine hits both. Appends one JSON object per measurement
# to FILE, for report.py. Environment: see README.md.
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BIN=${BENCH_BIN:-$HERE/../../build/bin}
export WG_UNDER_TEST=${RELAY_UNDER_TEST:-$BIN/connlib-relay} WG_PEER=${TURNSERVER:-turnserver}
# shellcheck source-path=SCRIPTDIR source=../interop/lib.sh
source "$HERE/../interop/lib.sh"
story "${BENCH_LIMIT:-600}" "$@"
need ethtool
RESULTS=$1
ROUNDS=${RELAY_ROUNDS:-3}
SECONDS_PER_RUN=${RELAY_SECONDS_PER_RUN:-0.6}
CLIENTS=${RELAY_CLIENTS:-8}
VETH=${RELAY_VETH:-as is}
LOAD=$BIN/relay_load
[ -x "$LOAD" ] || fail "$LOAD is not built"

declare -A LABEL=([c]=connlib-relay [p]=coturn) START=([c]=start_connlib [p]=start_coturn)
LETTERS=(c p)
RELAY=198.18.0.1 US=198.18.0.2

pair() {
  local one
  add_host "$1s" "$1l"
  cable "$1s" eth0 "$1l" eth0
  address "$1s" eth0 "$RELAY/24"
  address "$1l" eth0 "$US/24"
  [ "$VETH" = "as is" ] && return
  for one in s l; do
    host "$1$one" ethtool -K eth0 tso off tx-udp-segmentation off gro on >/dev/null
  done
}
# Every limit that one load tool at one address would meet is out of the way.
start_connlib() {
  start relay-c cs "$OURS" --standalone --user bench:swordfish --public-ip4-addr "$RELAY" --bind-ip4-addr "$RELAY" \
    --health-check-addr off --control-endpoint off --allow-private-peers --max-allocations-per-ip 16384 --max-allocations-per-user 16384 \
    --unauthenticated-pps-per-ip 1000000 --log warn
}
start_coturn() {
  # shellcheck disable=SC2016  # The inner shell expands it.
  start relay-p ps sh -c 'ulimit -n "$(ulimit -Hn)"; exec "$@"' - "$THEIRS" -n --no-tls --no-dtls --no-cli \
    -L "$RELAY" -E "$RELAY" -p 3478 --min-port=49152 --max-port=65535 --lt-cred-mech -r firezone -u bench:swordfish \
    --user-quota 0 --total-quota 0 --pidfile "$WORK/turn.pid" -l "$WORK/turn.log" --simple-log
}
load() {
  local letter=$1; shift
  host "${letter}l" timeout 60 "$LOAD" --relay "$RELAY:3478" --pid "${PID[relay-$letter]}" "$@"
}
serves() { load "$1" allocate --count 1; }

# measure LETTER ROUND WHAT ARGUMENTS...: the load tool prints JSON; it goes to RESULTS with who it was about.
measure() {
  local letter=$1 round=$2 what=$3; shift 3
  load "$letter" "$@" >"$WORK/output" 2>"$WORK/measure.log" ||
    fail "${LABEL[$letter]}, $what: $(tail -c 300 "$WORK/output" "$WORK/measure.log")"
  printf '{"program": "%s", "what": "%s", "round": %d, "result": %s}\n' \
    "${LABEL[$letter]}" "$what" "$round" "$(cat "$WORK/output")" >>"$RESULTS"
}

ulimit -n "$(ulimit -Hn)"
for letter in "${LETTERS[@]}"; do
  pair "$letter"
  "${START[$letter]}"
  within 10 "${LABEL[$letter]} to serve" serves "$letter"
done

for round in $(seq "$ROUNDS"); do
  say "relays, veth $VETH, round $round of $ROUNDS" >&2
  # Datagrams per UDP_SEGMENT send, and sends in a row of one client.
  for sending in 64/1 1/8 1/1; do
    for payload in 1200 172; do
      for direction in to-peer to-client both; do
        for letter in "${LETTERS[@]}"; do
          measure "$letter" "$round" "$sending/$payload/$direction" traffic --peer "$US" --clients "$CLIENTS" \
            --warm-up 0.1 --batch "${sending%/*}" --burst "${sending#*/}" --payload "$payload" --direction "$direction" --seconds "$SECONDS_PER_RUN"
        done
      done
    done
  done
  for letter in "${LETTERS[@]}"; do measure "$letter" "$round" allocate allocate --count 1000; done
done
for letter in "${LETTERS[@]}"; do measure "$letter" 1 memory hold --count 10000; done
for letter in "${LETTERS[@]}"; do stop "relay-$letter" || true; done
