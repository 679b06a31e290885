.PHONY: run test lint bench census setup clean

# Trains the simulated shop jointly and alternately and compares the two.
run: setup
	swift run -c release mtl-bench

# Builds everything, optimised as users run it, and runs all tests.
test: setup
	swift build -c release --build-tests
	swift test -c release --skip-build

lint:
	swift format lint --strict --recursive Sources Tests Examples Package.swift

# Throughput of the training step beside its bare matrix products.
bench: setup
	swift run -c release mtl-bench throughput

# Downloads Census-Income (KDD) into data/census.
census:
	scripts/prepare-census.sh

setup:
	@scripts/setup.sh

clean:
	swift package clean
