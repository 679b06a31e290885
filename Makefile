.PHONY: run test abuse lint sanitize bench gates docs peers peers-reading peers-prepare peers-census peers-rechub peers-balancing results tables census-boosting schedules balancing census setup clean

# Trains the simulated shop jointly and alternately and compares the two.
run: setup
	swift run -c release mtl-bench

# Builds everything, optimised as users run it, and runs all tests.
test: setup
	swift build -c release --build-tests
	swift test -c release --skip-build

# Kills, flipped bits, hostile files, full disks and small limits, each of which must end well or with a message; runs that are
# killed and resumed, which must learn the same to the bit.
abuse: setup
	swift build -c release --product mtl-bench
	swift build -c release --product mtl
	Tests/Abuse/abuse.py
	Tests/Abuse/resume.py

lint:
	swift format lint --strict --recursive Sources Tests Examples Benchmarks/Benchmarks Benchmarks/Package.swift Package.swift

# The tests under AddressSanitizer and ThreadSanitizer, as far as those see; two more builds.
sanitize: setup
	scripts/sanitize.sh

# Throughput of the training step beside its bare matrix products.
bench: setup
	swift run -c release mtl-bench throughput

# Checks the step's instructions and its time over its bare products against limits.
gates: setup
	@scripts/setup.sh valgrind binutils python3
	swift build -c release --product mtl-bench
	python3 Benchmarks/gates/check.py

# The same step in PyTorch and JAX beside ours, measured in turn (installs both from PyPI).
peers: setup
	Benchmarks/peers/setup.sh
	swift build -c release --product mtl-bench
	Benchmarks/peers/.venv/bin/python Benchmarks/peers/compare.py

# Reading a CSV file beside polars and pandas, preparing one beside polars, training on Census with embeddings beside PyTorch and torch-rechub,
# methods that balance tasks beside TorchJD.
peers-reading peers-prepare peers-census peers-rechub peers-balancing: setup
	Benchmarks/peers/setup.sh
	swift build -c release --product mtl-bench
	swift build -c release --product mtl
	Benchmarks/peers/.venv/bin/python Benchmarks/peers/$(@:peers-%=%).py

# Every way of sharing on Census, and on simulated scenarios of unequal size: the tables of docs/results.md.
results: setup
	swift build -c release --product mtl
	swift build -c release --product mtl-bench
	python3 Benchmarks/quality/census.py
	.build/release/mtl-bench scenarios

# What mtl init and mtl train make of public tables, beside LightGBM, scikit-learn's boosting and regression: a table of docs/defaults.md.
tables: setup
	[ -d Benchmarks/quality/.venv ] || python3 -m venv Benchmarks/quality/.venv
	Benchmarks/quality/.venv/bin/pip install --quiet -r Benchmarks/quality/requirements.txt
	swift build -c release --product mtl
	Benchmarks/quality/.venv/bin/python Benchmarks/quality/tables.py

# Census-Income over five seeds beside LightGBM: a table of docs/defaults.md.
census-boosting: setup
	[ -d Benchmarks/quality/.venv ] || python3 -m venv Benchmarks/quality/.venv
	Benchmarks/quality/.venv/bin/pip install --quiet -r Benchmarks/quality/requirements.txt
	swift build -c release --product mtl
	Benchmarks/quality/.venv/bin/python Benchmarks/quality/census_boosting.py

# Joint, alternating and hierarchical training side by side, on a simulated shop and on Census: a table of docs/results.md.
schedules: setup
	swift build -c release --product mtl
	swift build -c release --product mtl-bench
	python3 Benchmarks/quality/schedules.py

# Methods that balance tasks on Census-Income, and a dial beside models of its weights: tables of docs/balancing.md.
balancing: setup
	swift build -c release --product mtl
	swift build -c release --product mtl-bench
	python3 Benchmarks/quality/balancing.py

# Downloads Census-Income (KDD) into data/census.
census:
	scripts/prepare-census.sh

# The documentation of both libraries; a warning is an error.
docs: setup
	swift build -c release
	scripts/docs.sh

setup:
	@scripts/setup.sh

clean:
	swift package clean
