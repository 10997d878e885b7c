#!/usr/bin/env bash
# The control socket: what it tells and does, who may ask, and what clients cannot do to it.
# shellcheck source-path=SCRIPTDIR source=relay_lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/relay_lib.sh"
story 120 "$@"
need turnutils_peer curl python3
relay_hosts
start_echo
SOCKET=$WORK/run/relay.sock  # Its folder does not exist yet.
has_channel() { [ "$(metric active_channels)" -gt 0 ]; }
CTL=("$OURS" ctl --control-endpoint "$SOCKET")
ctl() { timeout 20 "${CTL[@]}" "$@"; }
# field NAME: of the status that a script reads.
field() { ctl --json status | python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
field_is() { [ "$(field "$1")" = "$2" ]; }
# stops_with CODE PATTERN OPTIONS...
stops_with() {
  local code=$1 pattern=$2 output status=0; shift 2
  output=$(host s timeout 10 "$OURS" --standalone --user a:b --public-ip4-addr "$RELAY4" --listen-port 3479 \
    --health-check-addr off "$@" 2>&1) || status=$?
  echo "$output"
  [ "$status" -eq "$code" ] && grep -q -- "$pattern" <<<"$output"
}

CONTROL=$SOCKET start_relay
expect "the socket is for its owner and its group" test "$(stat -c %A "$SOCKET")" = srw-rw----
if command -v setpriv >/dev/null; then
  chmod 711 "$WORK"
  expect_failure "others may not ask" 'relay.sock: permission denied' \
    setpriv --reuid 65534 --regid 65534 --clear-groups "${CTL[@]}" status
fi
expect "people read the status" ctl status
expect "scripts read the status, and its schema" field_is schema 1
expect "it serves" field_is state serving
expect "it tells its address" field_is public_ip4_addr "$RELAY4"

start uclient c turnutils_uclient -u alice -w swordfish -e 192.0.2.30 -r 3480 -c -n 2000 -z 20 "$RELAY4"
within 10 "the client's channel" has_channel
expect "it counts what it relays" test "$(field channels)" -gt 0
expect_failure "nonsense is no log filter" 'unknown log level' "${CTL[@]}" log nonsense
expect "the log is made quiet" ctl log warn
expect "and loud again" ctl log info,relay=debug
expect_failure "a drain needs a number" 'not in range|could not convert' "${CTL[@]}" drain --seconds x

say "- clients that misbehave"
raw() { timeout 30 python3 - "$SOCKET" "$1" <<'PYTHON'
import socket, sys, time
def client(text=b""):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])  # Waits while the backlog is full.
    s.settimeout(25)
    s.sendall(text)
    return s
def answer(s):
    out = b""
    try:
        while part := s.recv(65536): out += part
    except ConnectionResetError: pass
    return out
def long_write(text):
    s = client()
    try: s.sendall(text)
    except (BrokenPipeError, ConnectionResetError): pass
    return answer(s)
what = sys.argv[2]
if what == "garbage":
    for noise in (b"\x00\xff\x16\x03 nonsense\r\n\r\n", b"GET\r\n\r\n", b"\r\n" * 10000, b"GET /status HTTP/9.9\r\n\r\n"):
        reply = long_write(noise)
        assert b" 200 " not in reply.split(b"\r\n")[0], (noise, reply)
elif what == "long-target":
    reply = long_write(b"GET /status?" + b"a" * 1000000 + b" HTTP/1.1\r\n\r\n")
    assert reply == b"" or b" 414 " in reply.split(b"\r\n")[0], reply
elif what == "long-header":
    reply = long_write(b"GET /status HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 1000000 + b"\r\n\r\n")
    assert reply == b"" or b" 431 " in reply.split(b"\r\n")[0], reply
elif what == "body":
    reply = long_write(b"POST /log_filter?directives=off HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n" + b"a" * 2000000)
    assert reply == b"", reply
elif what == "arguments":
    for target in (b"/drain?seconds=-1", b"/drain?seconds=99999999999999999999", b"/drain?seconds=1x", b"/log_filter",
                   b"/log_filter?directives=%ff%fe"):
        assert b" 400 " in answer(client(b"POST " + target + b" HTTP/1.0\r\n\r\n")).split(b"\r\n")[0], target
    assert b" 405 " in answer(client(b"GET /drain HTTP/1.0\r\n\r\n")).split(b"\r\n")[0]
    assert b" 405 " in answer(client(b"POST /status HTTP/1.0\r\n\r\n")).split(b"\r\n")[0]
    assert b" 404 " in answer(client(b"GET /etc/passwd HTTP/1.0\r\n\r\n")).split(b"\r\n")[0]
elif what == "silence":
    # As many as there is room for, and more: some say half a request, some nothing.
    all = [client(b"GET /sta" if i % 2 else b"") for i in range(40)]
    start = time.monotonic()
    assert b" 200 " in answer(client(b"GET /status HTTP/1.0\r\n\r\n")).split(b"\r\n")[0]
    print("answered after", round(time.monotonic() - start, 1), "s")
elif what == "deaf":
    # Asks a thousand times in one breath and reads nothing.
    s = client(); s.settimeout(3)
    try: s.sendall(b"GET /status HTTP/1.1\r\nHost: a\r\n\r\n" * 20000)
    except (TimeoutError, ConnectionError): pass
    assert b" 200 " in answer(client(b"GET /status HTTP/1.0\r\n\r\n")).split(b"\r\n")[0]
PYTHON
}
memory=$(rss_kib "${PID[relay]}")
expect "what is not HTTP is refused" raw garbage
expect "a target of a megabyte is refused" raw long-target
expect "a header of a megabyte is refused" raw long-header
expect "a body is not read" raw body
expect "arguments that make no sense are refused" raw arguments
expect "a client that reads nothing keeps nobody waiting" raw deaf
expect "forty silent clients are ended, and the next is served" raw silence
grown=$(($(rss_kib "${PID[relay]}") - memory))
[ "$CONNLIB_SANITIZED" = 1 ] || expect "all that took little memory ($grown KiB)" test "$grown" -lt 4096
expect "none of it drained the relay" field_is state serving

say "- other files of that name"
expect "a second relay leaves the socket alone" stops_with 4 'another process serves' --control-endpoint "$SOCKET"
echo precious >"$WORK/file"
expect "a file that is no socket is left alone" stops_with 4 'no socket' --control-endpoint "$WORK/file"
expect "and is still there" grep -q precious "$WORK/file"
expect "an address is no path" stops_with 2 'not an absolute path' --control-endpoint 127.0.0.1:9999
expect "a path beyond all measure is named" stops_with 2 'longer than' --control-endpoint "/tmp/$(printf 'x%.0s' {1..200})"
expect_failure "asking where nobody serves says so" 'no such file' "$OURS" ctl --control-endpoint "$WORK/none" status

say "- drain"
expect "a drain begins" ctl drain --seconds 60
expect "it tells so" field_is state draining
expect "the time left is told" test "$(field drain_seconds_left)" -le 60
within 5 "readyz to turn 503" bash -c "! ip netns exec $(ns s) curl -sf http://127.0.0.1:8080/readyz"
# uclient leaves its first allocation to expire, so the drain would last as long as it may.
expect "a second drain sets the time anew, and does not end it at once" ctl drain --seconds 2
expect "it still serves what there is" get /healthz
within 6 "the relay to end when the time is over" is_gone "${PID[relay]}"
wait "${PID[relay]}" || fail "it ended with status $?"
unset "PID[relay]"
expect "the socket is gone with it" test ! -e "$SOCKET"

CONTROL=$SOCKET start_relay
{ stop relay KILL || true; } 2>/dev/null
expect "a relay that was killed leaves its socket" test -S "$SOCKET"
CONTROL=$SOCKET start_relay
expect "the next one takes its place" field_is state serving
expect "an idle relay answers the drain that ends it" ctl drain
within 5 "it to end" is_gone "${PID[relay]}"
