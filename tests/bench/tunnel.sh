#!/usr/bin/env bash
# tunnel.sh FILE: TCP, UDP and latency through WireGuard programs, each between two namespaces of its own, taking
# turns so that a slow minute of the machine hits all of them. Appends one JSON object per measurement to FILE, for
# report.py. Environment: see README.md.
source "$(dirname "${BASH_SOURCE[0]}")/../interop/lib.sh"
story "${BENCH_LIMIT:-900}" "$@"
need iperf3 ethtool awk
RESULTS=$1
ROUNDS=${ROUNDS:-3}
SECONDS_PER_RUN=${SECONDS_PER_RUN:-2}
UDP_BYTES=${UDP_BYTES:-1280}
export LOG_LEVEL=error

# One letter per program: it prefixes the names of its pair of hosts.
declare -A PROGRAM=([c]=$OURS [p]=$THEIRS)
declare -A LABEL=([c]=connlib-wg [p]=wireguard-go)
LETTERS=(c p)
if [ -n "${WIREGUARD_GO:-}" ]; then
  need "$WIREGUARD_GO"
  PROGRAM[n]=$WIREGUARD_GO LABEL[n]="wireguard-go (WIREGUARD_GO)"
  LETTERS+=(n)
fi

# veth LETTER MODE: `as is` hands super-packets over whole; `like a NIC` cuts them on the way, as a network card does.
veth() {
  local one onoff=on
  [ "$2" = "as is" ] || onoff=off
  for one in i r; do
    host "$1$one" ethtool -K eth0 tso "$onoff" tx-udp-segmentation "$onoff" gro on >/dev/null
  done
}

# User and system time of both ends in clock ticks.
ticks() {
  awk '{ sub(/.*\) /, ""); $0 = $0; sum += $12 + $13 } END { print sum }' \
    "/proc/${PID[$(interface "$1i")]}/stat" "/proc/${PID[$(interface "$1r")]}/stat"
}

# measure LETTER ROUND WHAT COMMAND...: COMMAND prints JSON; it goes to RESULTS with who, where and the CPU time used.
measure() {
  local letter=$1 round=$2 what=$3 before after; shift 3
  before=$(ticks "$letter")
  host "${letter}i" timeout "$((SECONDS_PER_RUN + 15))" "$@" >"$WORK/output" 2>"$WORK/measure.log" ||
    fail "${LABEL[$letter]}, $what: $(tail -c 300 "$WORK/output" "$WORK/measure.log")"
  after=$(ticks "$letter")
  printf '{"program": "%s", "veth": "%s", "what": "%s", "round": %d, "cpu_seconds": %s, "result": %s}\n' \
    "${LABEL[$letter]}" "$VETH" "$what" "$round" \
    "$(awk "BEGIN { print ($after - $before) / $(getconf CLK_TCK) }")" "$(cat "$WORK/output")" >>"$RESULTS"
}

iperf() { echo iperf3 -J -c 10.99.0.2 -t "$SECONDS_PER_RUN"; }
# Round trips one after the other, in microseconds.
round_trips() {
  timeout "$SECONDS_PER_RUN" ping -A -q -c 100 10.99.0.2 >/dev/null || true
  { timeout -s INT "$SECONDS_PER_RUN" ping -A -s 64 10.99.0.2 || true; } |
    awk -F'time=' '/time=/ { split($2, t, " "); printf "%s%d", n++ ? ", " : "[", t[1] * 1000 } END { print "]" }'
}
export -f round_trips
export SECONDS_PER_RUN

for letter in "${LETTERS[@]}"; do
  hosts "$letter"
  tunnel "${PROGRAM[$letter]}" "${PROGRAM[$letter]}" v4 nopsk "$letter"
  within 10 "the tunnel of ${LABEL[$letter]}" ping_once "${letter}i" 10.99.0.2
  start "iperf-$letter" "${letter}r" iperf3 -s
done
for letter in "${LETTERS[@]}"; do
  within 10 "iperf3 to listen" host "${letter}r" sh -c 'ss -Hltn "sport = :5201" | grep -q .'
done

for VETH in "as is" "like a NIC"; do
  for letter in "${LETTERS[@]}"; do veth "$letter" "$VETH"; done
  for round in $(seq "$ROUNDS"); do
    say "veth $VETH, round $round of $ROUNDS" >&2
    # shellcheck disable=SC2046
    for letter in "${LETTERS[@]}"; do
      measure "$letter" "$round" tcp1 $(iperf)
      measure "$letter" "$round" tcp1-reverse $(iperf) -R
      measure "$letter" "$round" tcp4 $(iperf) -P 4
      measure "$letter" "$round" tcp4-reverse $(iperf) -P 4 -R
      measure "$letter" "$round" udp $(iperf) -u -b 0 -l "$UDP_BYTES"
      measure "$letter" "$round" latency bash -c round_trips
    done
  done
done
for letter in "${LETTERS[@]}"; do end_tunnel "$letter"; done
