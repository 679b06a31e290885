#!/usr/bin/env bash
# Installs the system packages the engine builds with, where they are missing.
set -euo pipefail

if [ "$(uname)" = Darwin ]; then
    brew list openblas >/dev/null 2>&1 || brew install openblas
    exit 0
fi

missing=()
for package in libopenblas-dev liblapacke-dev zlib1g-dev libsqlite3-dev pkg-config "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "setup.sh: found no apt-get; install these packages by hand: ${missing[*]}" >&2
    exit 1
fi
as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi; }
as_root apt-get update -q
as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}"
