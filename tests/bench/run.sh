#!/usr/bin/env bash
# run.sh [--json] [--check] [--micro-only] [--tunnel-only]: the benchmarks, see README.md.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BIN=${BENCH_BIN:-$HERE/../../build/bin}
MICRO=1 TUNNEL=1
REPORT=()
for option in "$@"; do
  case $option in
    --json | --check) REPORT+=("$option") ;;
    --micro-only) TUNNEL= ;;
    --tunnel-only) MICRO= ;;
    *) sed -n 2p "$0" >&2; exit 2 ;;
  esac
done
FOLDER=$(mktemp -d "${TMPDIR:-/tmp}/connlib-bench-XXXXXX")
trap 'rm -rf "$FOLDER"' EXIT

if [ -n "$MICRO" ]; then
  for name in wireguard offload engine; do
    echo "${name}_bench" >&2
    "$BIN/${name}_bench" --benchmark_out="$FOLDER/$name.json" --benchmark_out_format=json >"$FOLDER/$name.log" 2>&1 ||
      { cat "$FOLDER/$name.log" >&2; exit 1; }
    REPORT+=(--micro "$FOLDER/$name.json")
  done
fi
if [ -n "$TUNNEL" ]; then
  status=0
  "$HERE/tunnel.sh" "$FOLDER/tunnel.json" >&2 || status=$?
  case $status in
    0) REPORT+=(--tunnel "$FOLDER/tunnel.json") ;;
    77) echo "the comparison through tunnels was skipped, see above" >&2 ;;
    *) exit "$status" ;;
  esac
fi
"$HERE/report.py" "${REPORT[@]}"
