#!/usr/bin/env bash
# coturn's clients relay through us: both families, across families, many clients, and what we refuse.
# shellcheck source-path=SCRIPTDIR source=relay_lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/relay_lib.sh"
story 240 "$@"
need turnutils_stunclient turnutils_natdiscovery turnutils_peer curl
relay_hosts
start_relay --max-allocations-per-user 64
start_echo

sees() { host c timeout 10 "$@" 2>&1 | tee /dev/stderr | grep -q "$PATTERN"; }
PATTERN='198\.51\.100\.2'
expect "turnutils_stunclient learns its address over IPv4" sees turnutils_stunclient "$RELAY4"
expect "turnutils_natdiscovery learns its mapped address" sees turnutils_natdiscovery -m "$RELAY4"
PATTERN='2001:db8:51::2'
expect "turnutils_stunclient learns its address over IPv6" sees turnutils_stunclient "$RELAY6"

# EVEN-PORT is sent at random: several runs, so that it is.
for run in 1 2 3; do
  expect "100 messages echo over channels, IPv4 (run $run)" echoes -e 192.0.2.30 -r 3480 -c -n 100 -z 5 "$RELAY4"
done
expect "IPv6 client, IPv6 peer" echoes -x -e 2001:db8:30::30 -r 3480 -c -n 50 -z 5 "$RELAY6"
expect "IPv6 client, IPv4 peer" echoes -X -e 192.0.2.30 -r 3480 -c -n 50 -z 5 "$RELAY6"
expect "IPv4 client, IPv6 peer" echoes -x -e 2001:db8:30::30 -r 3480 -c -n 50 -z 5 "$RELAY4"
expect "padded channel data" echoes -D -e 192.0.2.30 -r 3480 -c -n 50 -z 5 "$RELAY4"
expect "repeated permissions and bindings" echoes -G -e 192.0.2.30 -r 3480 -c -n 50 -z 5 "$RELAY4"
expect "two allocations of one user talk to each other" echoes -y -c -n 50 -z 5 "$RELAY4"
expect "ten clients at once, 1000-byte messages" echoes -m 10 -l 1000 -e 192.0.2.30 -r 3480 -c -n 100 -z 5 "$RELAY4"
# The allocation that each run opens first it leaves to expire.
within 5 "all channels to be deleted" metric_is active_channels 0
say "ok: the clients' Refresh 0 deleted their allocations and channels"

expect "DONT-FRAGMENT is refused with 420" refused 'error 420' uclient -g -e 192.0.2.30 -r 3480 -c -n 5 "$RELAY4"
expect "a wrong password is refused with 401" refused 'Cannot complete Allocation' \
  host c timeout 20 turnutils_uclient -u alice -w wrong -e 192.0.2.30 -r 3480 -c -n 5 "$RELAY4"
expect "loopback is refused with 403" refused 'error 403' uclient -e 127.0.0.1 -r 3480 -c -n 5 "$RELAY4"
[ "$(metric 'responses_total{message_type="channelbind",response_class="error",error_code="403"}')" -gt 0 ] ||
  fail "the refusal of loopback was not counted"
say "ok: the metrics count the refusals"
