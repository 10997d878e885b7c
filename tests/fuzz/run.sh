#!/usr/bin/env bash
# Runs every fuzz target on its corpus for a while: one line per target, and on a crash the file
# that reproduces it and the command to do so.
# usage: [FUZZ_PRESET=asan] run.sh [SECONDS_EACH] [TARGET…]. The preset `asan` has the fuzzers, too, less optimized:
# whoever has built it for the tests need not build twice.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-30}
shift || true
preset=${FUZZ_PRESET:-fuzz}
build=build/$preset
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  for source in tests/fuzz/*_fuzz.cc; do targets+=("$(basename "$source" .cc)"); done
fi
cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset" --target "${targets[@]}" >"$build/build.log" 2>&1 || { cat "$build/build.log"; exit 1; }

failed=0
for target in "${targets[@]}"; do
  seeds=tests/fuzz/corpus/$target
  work=$build/runs/$target  # What is found is kept here for the next run; only seeds are committed.
  mkdir -p "$work/corpus" "$work/crashes"
  log=$work/log
  status=0
  # Leaks of one input are looked for by the sanitizer at exit; 10 s for one input is a hang.
  "$build/fuzz/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$work/crashes/" "$work/corpus" "$seeds" >"$log" 2>&1 || status=$?
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
  coverage=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
  printf '%-28s %10s executions, coverage %5s' "$target" "${executions:-?}" "${coverage:-?}"
  if [ "$status" -eq 0 ]; then
    echo
    continue
  fi
  failed=1
  reproducer=$(sed -n 's/^.*Test unit written to //p' "$log" | tail -n 1)
  echo ", FAILED (status $status)"
  grep -hE -m 3 'check failed|SUMMARY|ERROR:|runtime error' "$log" | sed 's/^/    /' || true
  if [ -n "$reproducer" ]; then
    echo "    input:     $reproducer"
    echo "    reproduce: $build/fuzz/$target $reproducer"
  else
    echo "    log:       $log"
  fi
done
exit "$failed"
