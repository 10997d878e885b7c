#!/usr/bin/env bash
# run.sh [--json] [--check] [--micro-only | --tunnel-only | --relay-only]: the benchmarks, see README.md.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BIN=${BENCH_BIN:-$HERE/../../build/bin}
MICRO=1 TUNNEL=1 RELAY=1
REPORT=()
for option in "$@"; do
  case $option in
    --json | --check) REPORT+=("$option") ;;
    --micro-only) TUNNEL="" RELAY="" ;;
    --tunnel-only) MICRO="" RELAY="" ;;
    --relay-only) MICRO="" TUNNEL="" ;;
    *) sed -n 2p "$0" >&2; exit 2 ;;
  esac
done
FOLDER=$(mktemp -d "${TMPDIR:-/tmp}/connlib-bench-XXXXXX")
trap 'rm -rf "$FOLDER"' EXIT

if [ -n "$MICRO" ]; then
  for name in wireguard node tunnel offload engine relay dns; do
    echo "${name}_bench" >&2
    "$BIN/${name}_bench" --benchmark_out="$FOLDER/$name.json" --benchmark_out_format=json >"$FOLDER/$name.log" 2>&1 ||
      { cat "$FOLDER/$name.log" >&2; exit 1; }
    REPORT+=(--micro "$FOLDER/$name.json")
  done
fi
# compare NAME: one comparison with other programs, which may have nothing to run with here.
compare() {
  local status=0
  "$HERE/$1.sh" "$FOLDER/$1.json" >&2 || status=$?
  case $status in
    0) REPORT+=("--$1" "$FOLDER/$1.json") ;;
    77) echo "the comparison of $1.sh was skipped, see above" >&2 ;;
    *) exit "$status" ;;
  esac
}
[ -z "$TUNNEL" ] || compare tunnel
[ -z "$RELAY" ] || compare relay
"$HERE/report.py" "${REPORT[@]}"
