# shellcheck shell=bash
# lib.sh is what the interoperability stories, the demo and the benchmark share: namespaces, keys, programs that
# are started and ended by pid, and waiting for facts instead of sleeping.
#
#   source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
#   story 90 "$@"                 # the whole script is ended after 90 s; everything it made is removed again
#   hosts                         # namespaces i and r with a cable between them
#   tunnel "$OURS" "$THEIRS" v4 psk
#   expect "ping" host i ping -c1 -W2 10.99.0.2
#
# WG_UNDER_TEST is our program (default build/bin/connlib-wg), WG_PEER the other one (default wireguard-go).
# WG_UNDER_TEST=wireguard-go runs a story against itself, which shows that the story is right.
set -euo pipefail

REPOSITORY=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
OURS=${WG_UNDER_TEST:-$REPOSITORY/build/bin/connlib-wg}
THEIRS=${WG_PEER:-wireguard-go}
SOCKETS=/var/run/wireguard
# 1 when our program was built with a sanitizer: slower, and larger in memory.
CONNLIB_SANITIZED=${CONNLIB_SANITIZED:-0}

# Base 36 of the pid: short enough for interface names, which are unique on the machine because wg(8)'s control
# sockets of all namespaces live in one directory.
tag() {
  local n=$$ digits=0123456789abcdefghijklmnopqrstuvwxyz out=
  while [ "$n" -gt 0 ]; do out=${digits:n % 36:1}$out; n=$((n / 36)); done
  echo "$out"
}
TAG=$(tag)
WORK=
declare -A PID=()        # what we started: name -> pid
declare -a NAMESPACES=() INTERFACES=()

say() { printf '%s\n' "$*"; }
skip() { say "skipped: $*"; exit 77; }
fail() { say "FAIL: $*"; exit 1; }

# need NAME...: programs without which nothing can be shown.
need() {
  local name
  [ "$(id -u)" -eq 0 ] || skip "not root"
  [ -c /dev/net/tun ] || skip "no /dev/net/tun"
  for name in ip wg timeout "$@"; do command -v "$name" >/dev/null || skip "$name is not installed or not built"; done
  ip netns add "connlib-$TAG-probe" 2>/dev/null || skip "network namespaces are not permitted here"
  ip netns del "connlib-$TAG-probe"
}

# story SECONDS ARGS...: runs the calling script again under `timeout`, with its arguments, then arms the cleanup.
# The inner run is ended by SIGTERM, so its trap still removes everything.
story() {
  local seconds=$1 foreground=(); shift
  if [ -z "${CONNLIB_STORY:-}" ]; then
    # At a terminal the run stays in its process group, so that Ctrl-C reaches it.
    [ ! -t 0 ] || foreground=(--foreground)
    CONNLIB_STORY=1 exec timeout "${foreground[@]}" -k 20 "$seconds" bash "$0" "$@"
  fi
  unset CONNLIB_STORY
  need "$THEIRS" ping
  command -v "$OURS" >/dev/null || fail "$OURS is not built"  # Skipping would hide it.
  sweep
  arm_cleanup
}

# sweep removes what stories left that were ended by SIGKILL: their tag names a process that is no more.
sweep() {
  local name pid
  for name in $(ip netns list | awk '{ print $1 }' | grep -E '^connlib-[0-9a-z]+-'); do
    pid=${name#connlib-} pid=${pid%%-*}
    [ -e "/proc/$((36#$pid))" ] && continue
    say "removing $name, left behind by a run that was killed"
    remove_namespace "$name"
    rm -f "$SOCKETS/cl$pid"*.sock
    rm -rf "${TMPDIR:-/tmp}/connlib-$pid-"??????
  done
}

arm_cleanup() {
  umask 077
  WORK=$(mktemp -d "${TMPDIR:-/tmp}/connlib-$TAG-XXXXXX")
  trap cleanup EXIT
  trap 'say "ended by a signal"; exit 143' INT TERM
  trap 'exit 141' PIPE  # `story | head` cleans up, too.
}

cleanup() {
  local status=$? name
  trap - EXIT
  trap '' INT TERM PIPE
  set +e
  if [ "$status" -ne 0 ] && [ "$status" -ne 77 ]; then
    for name in "$WORK"/*.log; do
      [ -s "$name" ] && { say "--- last lines of ${name##*/}"; tail -n "${LOG_LINES:-15}" "$name"; }
    done
  fi
  for name in "${!PID[@]}"; do kill "${PID[$name]}" 2>/dev/null; done
  for name in "${NAMESPACES[@]}"; do remove_namespace "$name"; done
  for name in "${INTERFACES[@]}"; do rm -f "$SOCKETS/$name.sock"; done
  rm -rf "$WORK"
  exit "$status"
}

# remove_namespace NAME: ends the processes in it, then deletes it.
remove_namespace() {
  local pids tries
  for tries in $(seq 40); do
    pids=$(ip netns pids "$1" 2>/dev/null) || break
    [ -n "$pids" ] || break
    # shellcheck disable=SC2086
    if [ "$tries" -lt 30 ]; then kill $pids 2>/dev/null; else kill -9 $pids 2>/dev/null; fi
    sleep 0.1
  done
  ip netns del "$1" 2>/dev/null || true
}

# --- namespaces and cables -------------------------------------------------------------------------------------------

ns() { echo "connlib-$TAG-$1"; }
host() { local name=$1; shift; ip netns exec "$(ns "$name")" "$@"; }
interface() { echo "cl$TAG$1"; }

add_host() {
  local name
  for name in "$@"; do
    ip netns add "$(ns "$name")"
    NAMESPACES+=("$(ns "$name")")
    ip -n "$(ns "$name")" link set lo up
    host "$name" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
      net.ipv4.ping_group_range="0 2147483647"
    host "$name" sysctl -qw net.ipv4.tcp_congestion_control=cubic 2>/dev/null || true
  done
}

# cable HOST DEVICE HOST DEVICE
cable() {
  ip -n "$(ns "$1")" link add "$2" type veth peer name "$4" netns "$(ns "$3")"
  ip -n "$(ns "$1")" link set "$2" up
  ip -n "$(ns "$3")" link set "$4" up
}

# address HOST DEVICE ADDRESS/LENGTH...
address() {
  local name=$1 device=$2 one; shift 2
  for one in "$@"; do
    case $one in
      *:*) ip -n "$(ns "$name")" address add "$one" dev "$device" nodad ;;
      *) ip -n "$(ns "$name")" address add "$one" dev "$device" ;;
    esac
  done
}

# hosts [PAIR]: the two hosts of a story, i (it initiates) and r (it responds), on one cable. PAIR prefixes the names
# where a story has several pairs.
hosts() {
  local p=${1:-}
  add_host "${p}i" "${p}r"
  cable "${p}i" eth0 "${p}r" eth0
  addresses "$p"
}
addresses() {
  local p=${1:-}
  address "${p}i" eth0 192.0.2.1/24 2001:db8:1::1/64
  address "${p}r" eth0 192.0.2.2/24 2001:db8:1::2/64
}

# --- WireGuard -------------------------------------------------------------------------------------------------------

# make_keys NAME...: NAME.key and NAME.pub in the work folder.
make_keys() {
  local name
  for name in "$@"; do wg genkey >"$WORK/$name.key"; wg pubkey <"$WORK/$name.key" >"$WORK/$name.pub"; done
}
public_key() { cat "$WORK/$1.pub"; }

# start NAME HOST COMMAND...: a program in the background, its output in NAME.log.
start() {
  local name=$1 where=$2; shift 2
  # `ip netns exec` becomes the program, so the pid is the program's own.
  LOG_LEVEL=${LOG_LEVEL:-verbose} ip netns exec "$(ns "$where")" "$@" </dev/null >"$WORK/$name.log" 2>&1 &
  PID[$name]=$!
}

# stop NAME [SIGNAL]: ends it, waits for it, returns its exit status.
stop() {
  local pid=${PID[$1]} status=0
  unset "PID[$1]"
  kill "-${2:-TERM}" "$pid" 2>/dev/null || true
  within 10 "$1 to end" is_gone "$pid"
  wait "$pid" || status=$?
  return "$status"
}
is_gone() { [ ! -e "/proc/$1" ] || grep -q '^State:.*zombie' "/proc/$1/status" 2>/dev/null; }

# start_wireguard HOST PROGRAM [OPTIONS]: PROGRAM -f INTERFACE in HOST; returns once its control socket answers.
start_wireguard() {
  local where=$1 program=$2 device; shift 2
  device=$(interface "$where")
  INTERFACES+=("$device")
  start "$device" "$where" "$program" -f "$device" "$@"
  within 10 "$program to answer on $device" answers "$device"
}
answers() { [ -S "$SOCKETS/$1.sock" ] && timeout 5 wg show "$1" >/dev/null 2>&1; }
stop_wireguard() { stop "$(interface "$1")" || true; }

set_wireguard() { local where=$1; shift; host "$where" timeout 10 wg set "$(interface "$where")" "$@"; }
# shown HOST FIELD: the last column of `wg show INTERFACE FIELD`, for our one peer.
shown() { host "$1" timeout 10 wg show "$(interface "$1")" "$2" | awk 'NR == 1 { $1 = ""; print substr($0, 2) }'; }

# tunnel I_PROGRAM R_PROGRAM [v4|v6] [psk|nopsk] [PAIR]: starts both programs with fresh keys. Only i knows an endpoint,
# so only i can begin. Inner addresses: 10.99.0.1 and fd99::1 (i), 10.99.0.2 and fd99::2 (r).
tunnel() {
  local outer=${3:-v4} secret=${4:-nopsk} p=${5:-} endpoint=192.0.2.2:51820 name other number extra
  local i=${p}i r=${p}r
  [ "$outer" = v4 ] || endpoint="[2001:db8:1::2]:51820"
  make_keys "$i" "$r"
  wg genpsk >"$WORK/${p}psk"
  start_wireguard "$i" "$1"
  start_wireguard "$r" "$2"
  for name in "$i" "$r"; do
    if [ "$name" = "$i" ]; then other=$r number=1 extra="endpoint $endpoint"; else other=$i number=2 extra=; fi
    [ "$secret" = nopsk ] || extra="$extra preshared-key $WORK/${p}psk"
    # shellcheck disable=SC2086
    set_wireguard "$name" private-key "$WORK/$name.key" listen-port 51820 \
      peer "$(public_key "$other")" $extra allowed-ips "10.99.0.$((3 - number))/32,fd99::$((3 - number))/128"
    address "$name" "$(interface "$name")" "10.99.0.$number/24" "fd99::$number/64"
    ip -n "$(ns "$name")" link set "$(interface "$name")" up
  done
}
end_tunnel() { local name; for name in "${1:-}i" "${1:-}r"; do stop_wireguard "$name"; done; }

# --- facts -----------------------------------------------------------------------------------------------------------

# within SECONDS WHAT COMMAND...: waits until COMMAND holds; the story fails when it does not in time.
within() {
  local until=$((${EPOCHREALTIME/./} + $1 * 1000000)) what=$2 limit=$1; shift 2
  until "$@" >/dev/null 2>&1; do
    [ "${EPOCHREALTIME/./}" -lt "$until" ] || fail "waited $limit s for $what"
    sleep 0.05
  done
}

# expect WHAT COMMAND...: one line of the story, with its proof.
expect() {
  local what=$1 output; shift
  if output=$("$@" 2>&1); then say "ok: $what"; return; fi
  say "$output"
  fail "$what: $*"
}
# expect_failure WHAT PATTERN COMMAND...: COMMAND must fail soon, saying PATTERN (an extended regular expression).
expect_failure() {
  local what=$1 pattern=$2 output status=0; shift 2
  output=$(timeout 15 "$@" 2>&1 </dev/null) || status=$?
  [ "$status" -ne 0 ] || fail "$what: succeeded: $*"
  [ "$status" -ne 124 ] || fail "$what: did not end: $*"
  [ "$status" -lt 126 ] || fail "$what: died with status $status: $output"
  grep -qiE "$pattern" <<<"$output" || fail "$what: expected /$pattern/, got: $output"
  say "ok: $what: $(tail -n 1 <<<"$output")"
}

# ping_both HOST NUMBER: one ping of each family through the tunnel to host NUMBER (1 is i, 2 is r).
ping_both() { ping_inner "$1" "10.99.0.$2" && ping_inner "$1" "fd99::$2"; }
ping_inner() { host "$1" timeout 20 ping -c 3 -i 0.2 -W 7 -q "$2" | grep -q ' 0% packet loss'; }
ping_once() { host "$1" timeout 5 ping -c 1 -W 1 -q "$2"; }

handshake_time() { shown "$1" latest-handshakes; }
rss_kib() { awk '/^VmRSS:/ { print $2 }' "/proc/$1/status"; }
short() { local name=${1##*/}; echo "${name% *}"; }
is_itself() { [ "$(readlink -f "$(command -v "$OURS")")" = "$(readlink -f "$(command -v "$THEIRS")")" ]; }

# --- transfers -------------------------------------------------------------------------------------------------------

TCP_HASH=$REPOSITORY/tests/interop/tcp_hash.py
is_listening() { host "$1" ss -Hltn "sport = :$2" | grep -q .; }

# start_transfer FROM TO ADDRESS PORT BYTES: TCP in the background.
start_transfer() {
  start "receive-$4" "$2" python3 "$TCP_HASH" receive "$3" "$4"
  within 10 "the receiver to listen" is_listening "$2" "$4"
  start "send-$4" "$1" timeout 120 python3 "$TCP_HASH" send "$3" "$4" "$5"
}
# finish_transfer PORT: waits until it is over; both ends must have seen the same bytes.
finish_transfer() {
  local sent received sum bytes rate
  wait "${PID[send-$1]}" || fail "sending to port $1: $(tail -n 1 "$WORK/send-$1.log")"
  wait "${PID[receive-$1]}" || fail "receiving on port $1: $(tail -n 1 "$WORK/receive-$1.log")"
  sent=$(cat "$WORK/send-$1.log") received=$(cat "$WORK/receive-$1.log")
  [ "${sent% * *}" = "${received% * *}" ] || fail "port $1: sent $sent, received $received"
  read -r sum bytes _ rate <<<"$received"
  say "ok: $bytes bytes arrived, SHA-256 ${sum:0:16}… equal, $rate Mbit/s"
}

# --- strangers -------------------------------------------------------------------------------------------------------

FLOOD=${INITIATION_FLOOD:-$REPOSITORY/build/tests/initiation_flood}  # Our own tool, beside the stories.
FLOOD_SOURCES=198.18.0.0/15

need_flood() {
  need "$@"
  [ -x "$FLOOD" ] || fail "$FLOOD is not built"
}
# add_stranger HOST: a namespace on a cable of its own to HOST (192.0.3.2), owner of 131,072 addresses.
add_stranger() {
  add_host "x$1"
  cable "x$1" eth0 "$1" eth1
  address "x$1" eth0 192.0.3.1/24
  address "$1" eth1 192.0.3.2/24
  ip -n "$(ns "x$1")" route add local "$FLOOD_SOURCES" dev lo
  ip -n "$(ns "$1")" route add "$FLOOD_SOURCES" via 192.0.3.1
}
# start_flood HOST OPTIONS...: HOST's stranger sends initiations to its WireGuard port, in the background.
start_flood() {
  local where=$1; shift
  start flood "x$where" "$FLOOD" --to 192.0.3.2:51820 --key "$(public_key "$where")" --sources "$FLOOD_SOURCES" "$@"
}
