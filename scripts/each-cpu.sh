#!/usr/bin/env bash
# Runs a command once for every kind of x86-64 CPU that this one can stand for: scripts/each-cpu.sh [--others] COMMAND …
# --others leaves out the kind that OpenBLAS takes this one for, which a plain run has tried.
# OpenBLAS chooses its kernels by OPENBLAS_CORETYPE, the tests and gates theirs by MTL_TEST_INSTRUCTIONS.
set -euo pipefail
cd "$(dirname "$0")/.."

own=
if [ "${1:-}" = --others ]; then
    shift
    own=$(OPENBLAS_VERBOSE=2 .build/release/mtl --help 2>&1 | sed -n 's/^Core: //p')
fi
flags=" $(grep -m 1 '^flags' /proc/cpuinfo 2>/dev/null || true) "
ran=0
while read -r core level needed; do
    for flag in $needed; do
        case "$flags" in *" $flag "*) ;; *) echo "== no $flag here: $core, $level left out" && continue 2 ;; esac
    done
    [ "$core" != "$own" ] || continue
    echo "== OPENBLAS_CORETYPE=$core MTL_TEST_INSTRUCTIONS=$level $*"
    OPENBLAS_CORETYPE=$core MTL_TEST_INSTRUCTIONS=$level "$@" </dev/null
    ran=$((ran + 1))
done <<'CPUS'
Haswell avx2 avx2 fma
Cooperlake avx512 avx512f avx512bw avx512dq avx512vl avx512_bf16
CPUS
[ "$ran" -gt 0 ] || [ -n "$own" ] || echo "== no x86-64 here: nothing was run"
