#!/usr/bin/env bash
# Starting and ending: arguments, exit codes that a script can tell apart, background and foreground, and that nothing is
# left behind, whoever ends it.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
story 120 "$@"
need setpriv unshare socat
add_host i r
# One name for all parts, so that what one leaves behind is in the way of the next.
NAME=$(interface n)
INTERFACES+=("$NAME")
SOCKET=$SOCKETS/$NAME.sock

has_interface() { ip -n "$(ns "${1:-i}")" link show "$NAME" >/dev/null 2>&1; }
pids_of() { ip netns pids "$(ns "${1:-i}")"; }
is_served() { answers "$NAME"; }
nothing_left() { [ ! -e "$SOCKET" ] && ! has_interface i && [ -z "$(pids_of i)" ]; }
expect_nothing_left() {
  within 10 "process, interface and socket to be gone" nothing_left
  say "ok: $1: process, interface and socket are gone"
}

# expect_exit CODE WHAT PATTERN COMMAND...: COMMAND in host i ends soon with CODE, saying PATTERN.
expect_exit() {
  local code=$1 what=$2 pattern=$3 output status=0; shift 3
  output=$(host i timeout 15 "$@" 2>&1 </dev/null) || status=$?
  [ "$status" -eq "$code" ] || fail "$what: exit $status, expected $code: $output"
  grep -qE -- "$pattern" <<<"$output" || fail "$what: expected /$pattern/, got: $output"
  say "ok: $what: exit $code: $(tail -n 1 <<<"$output")"
}

say "- arguments"
expect_exit 0 "--help" 'EXIT STATUS' "$OURS" --help
expect_exit 0 "--version" '^connlib-wg [0-9]+\.[0-9]+\.[0-9]+$' "$OURS" --version
expect_exit 2 "no name" 'IFACE is required' "$OURS"
expect_exit 2 "an unknown option" '--colour' "$OURS" "$NAME" --colour
expect_exit 2 "two names" 'another' "$OURS" "$NAME" another
expect_exit 2 "a name of 16 characters" 'abcdefghijklmnop' "$OURS" -f abcdefghijklmnop
expect_exit 2 "a name with a slash" 'a/b' "$OURS" -f a/b
expect_exit 2 "a name with a blank" 'a b' "$OURS" -f 'a b'
expect_exit 2 "a port beyond 65535" '65536' "$OURS" -f --listen-port 65536 "$NAME"
expect_exit 2 "an MTU too small" '100' "$OURS" -f --mtu 100 "$NAME"
expect_exit 2 "an unknown log level" 'loud' "$OURS" -f --log loud "$NAME"
expect_nothing_left "after wrong arguments"

say "- privilege"
# A copy that anybody can read, wherever the build folder is.
chmod 711 "$WORK"
install -m 755 "$(command -v "$OURS")" "$WORK/connlib-wg"
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
for option in -f --; do
  expect_exit 3 "as nobody ($option)" 'CAP_NET_ADMIN' "${nobody[@]}" "$WORK/connlib-wg" "$option" "$NAME"
done
# shellcheck disable=SC2016
expect_exit 4 "without /dev/net/tun" '/dev/net/tun' \
  unshare -m sh -c 'mount -t tmpfs none /dev/net && exec "$0" "$@"' "$OURS" -f "$NAME"
expect_nothing_left "after refusals"

say "- names and ports that are taken"
ip -n "$(ns i)" link add taken type dummy 2>/dev/null || ip -n "$(ns i)" link add taken type veth peer name taken2
expect_exit 5 "the name of an interface" 'taken' "$OURS" -f taken
[ ! -e "$SOCKETS/taken.sock" ] || fail "a refused start left its socket"
start held4 i socat -u UDP4-RECV:51999 STDOUT
start held6 i socat -u UDP6-RECV:51998,ipv6-v6only=1 STDOUT
holds_port() { host i ss -Hlun "sport = :$1" | grep -q .; }
for port in 51999 51998; do
  within 5 "the port to be held" holds_port $port
  expect_exit 6 "port $port" "$port" "$OURS" -f --listen-port $port "$NAME"
  expect_exit 6 "port $port, in the background" "$port" "$OURS" --listen-port $port "$NAME"
done
stop held4 || true
stop held6 || true
expect_nothing_left "after refusals"

say "- background"
output=$(host i timeout 10 "$OURS" --listen-port 51997 "$NAME" 2>&1 </dev/null) || fail "exit $?: $output"
is_served || fail "the starter returned before the interface served"
[ -z "$output" ] || fail "success is silent, but it said: $output"
[ "$(stat -c %a "$SOCKET")" = 600 ] || fail "the socket is open to others: $(stat -c %A "$SOCKET")"
[ "$(host i wg show "$NAME" listen-port)" = 51997 ] || fail "--listen-port was not heeded"
say "ok: the starter returns once wg(8) is answered"
expect_exit 5 "the same name again" "$NAME" "$OURS" "$NAME"
is_served || fail "the second start disturbed the first"
status=0
output=$(host r timeout 10 "$OURS" "$NAME" 2>&1 </dev/null) || status=$?
[ "$status" -eq 5 ] || fail "the same name in another namespace: exit $status: $output"
is_served || fail "a start in another namespace disturbed the first"
has_interface r && fail "the refused start left an interface"
say "ok: the same name in another namespace: exit 5: $output"
kill -TERM "$(pids_of)"
expect_nothing_left "SIGTERM"

say "- foreground"
run_foreground() {
  start own i "$OURS" -f "$@" "$NAME"
  within 10 "it to serve" is_served
}
expect_end() {
  local pid=${PID[own]} status=0
  unset "PID[own]"
  within 10 "it to end" is_gone "$pid"
  wait "$pid" || status=$?
  [ "$status" -eq 0 ] || fail "$1: exit status $status"
  expect_nothing_left "$1"
}
for signal in TERM INT; do
  run_foreground
  kill -$signal "${PID[own]}"
  expect_end "SIG$signal"
done
run_foreground
kill -HUP "${PID[own]}"
sleep 0.3
is_served || fail "SIGHUP ended it"
say "ok: SIGHUP changes nothing"
rm "$SOCKET"
expect_end "the socket file was deleted"
run_foreground
ip -n "$(ns i)" link delete "$NAME"
expect_end "the interface was deleted"
run_foreground
mv "$SOCKET" "$SOCKET.away"
rm -f "$SOCKET.away"
expect_end "the socket file was moved away"
run_foreground
kill -KILL "${PID[own]}"
{ wait "${PID[own]}" || true; } 2>/dev/null
unset "PID[own]"
[ -S "$SOCKET" ] || fail "the story is wrong: SIGKILL should leave the socket"
run_foreground
say "ok: a socket that SIGKILL left behind is replaced"
kill -TERM "${PID[own]}"
expect_end "and goes with its successor"
