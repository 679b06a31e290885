#!/usr/bin/env bash
# Runs the tests under AddressSanitizer and ThreadSanitizer: scripts/sanitize.sh [address] [thread].
# Each has a build of its own in .build-address and .build-thread. CONTRIBUTING says what they cannot see.
set -euo pipefail
cd "$(dirname "$0")/.."

kinds=("$@")
[ ${#kinds[@]} -gt 0 ] || kinds=(address thread)
# Both stand in for malloc themselves, so nothing can be counted.
skip=(--skip AllocationTests)
# Swift's own report of a trap would hide the sanitizer's.
export SWIFT_BACKTRACE=enable=no
# Not instrumented: its threads are none of ours.
export OPENBLAS_NUM_THREADS=1
for kind in "${kinds[@]}"; do
    case $kind in
    address) export ASAN_OPTIONS=detect_leaks=0 ;;
    thread)
        symbolizer=$(command -v llvm-symbolizer) || {
            echo "sanitize.sh: found no llvm-symbolizer, which gives the names that suppressions go by" >&2
            exit 1
        }
        export TSAN_OPTIONS="exitcode=66 external_symbolizer_path=$symbolizer suppressions=$PWD/Tests/Sanitizers/thread.supp"
        # Central differences and long goldens take long, and their steps are those of shorter tests.
        skip+=(--skip Gradient --skip SharingGoldenTests --skip HiddenLayerTests)
        ;;
    *) echo "sanitize.sh: found $kind, expected address or thread" >&2 && exit 1 ;;
    esac
    # The default linker on Debian dies of what it wants to say about a sanitizer.
    build=(-c release --sanitize "$kind" --scratch-path ".build-$kind" -Xswiftc -use-ld=lld)
    swift build --build-tests "${build[@]}"
    swift test --skip-build "${build[@]}" "${skip[@]}"
done
