#!/usr/bin/env bash
# Feeds random files to the readers, with the address sanitizer: scripts/fuzz.sh [runs] [target …].
# Inputs that reached new code are kept in Tests/Fuzz/.build/corpus, one that crashed in Tests/Fuzz/.build/crashes.
set -euo pipefail
cd "$(dirname "$0")/../Tests/Fuzz"

runs=${1:-1000000}
targets=("${@:2}")
[ ${#targets[@]} -gt 0 ] || targets=(fuzz-csv fuzz-cache fuzz-model fuzz-experiment)

# The library gets the coverage that guides the fuzzer, C kernels too; its main function is the targets' only.
swift build -c release --sanitize address \
    -Xswiftc -sanitize-coverage=edge,trace-cmp,inline-8bit-counters -Xcc -fsanitize=fuzzer-no-link
# Swift's own report of a trap would hide its message behind an error of the sanitizer's.
export SWIFT_BACKTRACE=enable=no
for target in "${targets[@]}"; do
    mkdir -p ".build/corpus/$target" .build/crashes
    ".build/release/$target" -runs="$runs" -max_len=1024 -print_final_stats=1 \
        -artifact_prefix=".build/crashes/$target-" ".build/corpus/$target" "seeds/$target"
done
