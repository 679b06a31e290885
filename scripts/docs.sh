#!/usr/bin/env bash
# Writes the documentation of both libraries to .build/documentation/NAME; a warning is an error.
# Symbols are taken from the modules of the release build: a build for documentation alone would take minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

information=$(swiftc -print-target-info)
value() { sed -n "s/^ *\"$1\" *: *\"\(.*\)\".*/\1/p" <<<"$information" | head -1; }
tools="$(value runtimeResourcePath)/../../bin"

maps=()
for map in Sources/*/module.modulemap .build/release/MTL*.build/module.modulemap; do
    maps+=(-Xcc "-fmodule-map-file=$map")
done
for library in MTLEngine MTLData; do
    symbols=.build/documentation/symbols/$library
    rm -rf "$symbols"
    mkdir -p "$symbols"
    "$tools/swift-symbolgraph-extract" -module-name "$library" -I .build/release/Modules -target "$(value triple)" \
        -minimum-access-level public "${maps[@]}" -output-dir "$symbols"
    "$tools/docc" convert "Sources/$library/$library.docc" --additional-symbol-graph-dir "$symbols" \
        --fallback-display-name "$library" --fallback-bundle-identifier "$library" \
        --output-dir ".build/documentation/$library" --warnings-as-errors
    echo "docs: .build/documentation/$library"
done
