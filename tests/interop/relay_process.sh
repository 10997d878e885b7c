#!/usr/bin/env bash
# The process: health checks, metrics, drain, and errors that say what is wrong.
# shellcheck source-path=SCRIPTDIR source=relay_lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/relay_lib.sh"
story 120 "$@"
need turnutils_peer curl python3
relay_hosts
start_echo

# stops_with CODE PATTERN OPTIONS...: the program ends at once, with this status and this reason.
stops_with() {
  local code=$1 pattern=$2 output status=0; shift 2
  output=$(host s timeout 10 "$OURS" "$@" 2>&1) || status=$?
  echo "$output"
  [ "$status" -eq "$code" ] && grep -q -- "$pattern" <<<"$output"
}
has_channel() { [ "$(metric active_channels)" -gt 0 ]; }
ALONE=(--standalone --user alice:swordfish --public-ip4-addr "$RELAY4" --health-check-addr off --control-endpoint off)
expect "without --standalone it says what is missing" stops_with 6 'portal session of relays' \
  TOKEN --public-ip4-addr "$RELAY4"
expect "without users it says so" stops_with 2 'nobody could' --standalone --public-ip4-addr "$RELAY4"
expect "without a public address it says so" stops_with 5 'public-ip4-addr' --standalone --user a:b
expect "a bad address is named" stops_with 2 'not an IPv4 address' "${ALONE[@]}" --bind-ip4-addr 2001:db8::1
unsupported() {
  local option=$1; shift
  stops_with 6 "$option .*not supported in this version" "${ALONE[@]}" "$option" "$@"
}
expect "two threads are not supported, and it says so" unsupported --num-worker-threads 2
for option in --otlp-grpc-endpoint --ebpf-offloading --ebpf-attach-mode --ebpf-int4-addr --ebpf-int6-addr --tls-listen \
  --rng-seed; do
  expect "$option is not supported, and it says so" unsupported "$option" 1
done
expect "crash reports are not supported, and it says so" unsupported --telemetry
in_environment() { (export "${1?}" && shift && "$@"); }
for setting in NUM_WORKER_THREADS=2 CONNLIB_NUM_WORKER_THREADS=2 EBPF_OFFLOADING=eth0 OTLP_GRPC_ENDPOINT=h:1 TELEMETRY=true; do
  expect "$setting in the environment is not overlooked" \
    in_environment "$setting" stops_with 6 'not supported in this version' "${ALONE[@]}"
done
expect "standalone, a token is a mistake" stops_with 2 'is for a portal' "${ALONE[@]}" TOKEN
expect "an unknown option is a usage error" stops_with 2 'no-such' "${ALONE[@]}" --no-such
without_privilege() {
  host s timeout 10 setpriv --bounding-set -sys_resource --inh-caps -sys_resource bash -c \
    'ulimit -n 256; "$@"; [ $? -eq 3 ]' - "$OURS" "${ALONE[@]}"
}
if command -v setpriv >/dev/null; then expect "too low a file limit is named" without_privilege; fi

start_relay --num-worker-threads 1 --telemetry=false --stamp-secret 0123456789abcdef --drain 30
expect "healthz answers" get /healthz
expect "readyz tells the version" bash -c "ip netns exec $(ns s) curl -sf http://127.0.0.1:8080/readyz | grep -q connlib-relay"
expect "another path does not exist" bash -c "! ip netns exec $(ns s) curl -sf http://127.0.0.1:8080/etc"
expect "a second relay finds the port taken" stops_with 4 'port 3478' "${ALONE[@]}" --bind-ip4-addr "$RELAY4"

name=$(($(date +%s) + 3600)):n23JJ2wKKtt30oXi
password=$(printf %s "${name%:*}:0123456789abcdef:${name#*:}" | openssl dgst -sha256 -binary | base64 | tr -d =)
derived() {
  host c timeout 30 turnutils_uclient -u "$name" -w "$password" -e 192.0.2.30 -r 3480 -c -n 20 -z 5 "$RELAY4" |
    grep -q 'Total lost packets 0 (0.000000%)'
}
expect "derived credentials relay" derived
[ "$(metric 'relayed_packets_total{direction="to_client"}')" -ge 20 ] || fail "relayed packets were not counted"
[ $(($(metric free_ports) + $(metric active_allocations))) = 16384 ] || fail "a port got lost: $(metric free_ports) are free"
say "ok: packets and ports are counted"

# A client that stays: its allocation is served while the relay drains, newcomers are refused.
start uclient c turnutils_uclient -u alice -w swordfish -e 192.0.2.30 -r 3480 -c -n 400 -z 20 "$RELAY4"
# Its first allocation it only opens; with a channel it has all it needs.
within 10 "the client's channel" has_channel
kill -TERM "${PID[relay]}"
within 5 "readyz to turn 503" bash -c "! ip netns exec $(ns s) curl -sf http://127.0.0.1:8080/readyz"
expect "it lives while it drains" get /healthz
expect "a newcomer is refused with 508" refused 'error 508' uclient -e 192.0.2.30 -r 3480 -c -n 5 "$RELAY4"
within 30 "the relay to end by itself when its last client has left" is_gone "${PID[relay]}"
wait "${PID[relay]}" || fail "it ended with status $?"
unset "PID[relay]"
within 5 "the client to end" is_gone "${PID[uclient]}"
grep -q 'Total lost packets 0 (0.000000%)' "$WORK/uclient.log" || fail "the last client lost packets"
unset "PID[uclient]"
say "ok: the drain served the last client to its end"

start_relay --drain 60
start uclient c turnutils_uclient -u alice -w swordfish -e 192.0.2.30 -r 3480 -c -n 1000 -z 20 "$RELAY4"
within 10 "the client's channel" has_channel
kill -TERM "${PID[relay]}"
within 5 "the drain to begin" bash -c "! ip netns exec $(ns s) curl -sf http://127.0.0.1:8080/readyz"
stop relay || fail "a second signal ended it with status $?"
say "ok: a second signal ends it at once"

# Bound to all addresses, of which the client asks the second one of an interface: the first would answer by itself.
# The peer has no way back to any address of the relay but the announced one.
BIND4=0.0.0.0 BIND6=:: start_relay
address s eth0 198.51.100.3/24 2001:db8:51::3/64
ip -n "$(ns p)" route add blackhole 192.0.2.1/32
ip -n "$(ns p)" -6 route add blackhole 2001:db8:30::1/128
for asked in 198.51.100.3 198.51.100.1 "$RELAY4"; do
  expect "the relay answers from $asked, which was asked" echoes -e 192.0.2.30 -r 3480 -c -n 20 -z 5 "$asked"
done
for asked in 2001:db8:51::3 2001:db8:51::1 "$RELAY6"; do
  expect "the relay answers from $asked, which was asked" echoes -x -e 2001:db8:30::30 -r 3480 -c -n 20 -z 5 "$asked"
done
