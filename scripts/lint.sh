#!/usr/bin/env bash
# Format check, then clang-tidy over every source of the project. What only tests use is held to the format and
# the warnings of both compilers; with LINT_TESTS=1 to clang-tidy, too.
set -euo pipefail
cd "$(dirname "$0")/.."
git ls-files '*.h' '*.cc' | xargs clang-format --dry-run -Werror
echo "format: clean"
cmake --preset tidy >/dev/null
cmake --build build/tidy --target shells_recording_proto >/dev/null  # Sources include what it generates.
sources=('connlib/*.cc' 'snownet/*.cc' 'wireguard/*.cc' 'shells/*.cc')
[ "${LINT_TESTS:-0}" = 1 ] && sources+=('tests/*.cc')
git ls-files "${sources[@]}" |
  grep -v '_test\.cc$' | grep -v '^tests/fuzz/' |
  xargs -P "$(nproc)" -n 4 clang-tidy -p build/tidy --quiet --warnings-as-errors='*' 2>/dev/null
echo "clang-tidy: clean"
