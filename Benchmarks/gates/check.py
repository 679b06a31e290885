"""Checks figures that do not depend on how busy the machine is: check.py [--update | --ratios] (from the project's root).

- Instructions of one training step, counted by callgrind on one thread with the AVX2 kernels, against instructions.json.
- The time of a step over the time of its bare OpenBLAS products: the median of interleaved pairs in one process. With
  --ratios this alone, with the kernels that MTL_TEST_INSTRUCTIONS names: scripts/each-cpu.sh sets it.

Allocations per step are counted by the tests (AllocationTests). A gate that trips prints the figure, the limit and the
command that shows it again.
"""

import concurrent.futures
import json
import os
import re
import subprocess
import sys
from pathlib import Path

BENCH = ".build/release/mtl-bench"
# Debian 12's valgrind cannot read the debug information of Swift 6 binaries.
STRIPPED = ".build/mtl-bench-stripped"
FIGURES = Path(__file__).with_name("instructions.json")
# Compilers differ a little between machines; a lost specialisation or an allocation costs far more than this.
INSTRUCTION_BAND = 0.05
# A busy neighbour slows both sides of a pair; what is left of it, and CPUs whose BLAS is faster, fit under these.
# Schedule, way of sharing, batch.
STEPS = [("joint", "shared_bottom", 32), ("joint", "shared_bottom", 256), ("alternating", "shared_bottom", 32),
         ("alternating", "shared_bottom", 256), ("joint", "mmoe", 32), ("joint", "mmoe", 256),
         ("joint", "cross_stitch", 256), ("joint", "star", 256)]
RATIO_LIMITS = {("joint", 256): 1.6, ("alternating", 256): 1.6, ("joint", 4096): 1.6, ("joint", 32): 3.0}


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\nfailed with {done.returncode}:\n{done.stderr}")
    return done


def instructions(schedule, sharing, batch, steps):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", STRIPPED, "steps",
               "--schedule", schedule, "--sharing", sharing, "--batch", str(batch), "--count", str(steps),
               "--threads", "1", "--backend", "kernels", "--instructions", "avx2"]
    found = re.search(r"Collected : (\d+)", run(command).stderr)
    if not found:
        sys.exit(f"{' '.join(command)}\nprinted no instruction count")
    return int(found.group(1)), " ".join(command)


def instructions_per_step(step):
    """The difference of two runs, so that starting up does not count."""
    few, _ = instructions(*step, 5)
    many, command = instructions(*step, 15)
    return (many - few) / 10, command


def check_instructions(update):
    run(["strip", "--strip-debug", "-o", STRIPPED, BENCH])
    figures = {} if update else json.loads(FIGURES.read_text())
    failed = 0
    # What is counted does not depend on who else is at work.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = list(pool.map(instructions_per_step, STEPS))
    for (schedule, sharing, batch), (found, command) in zip(STEPS, counts):
        name = f"{sharing}, {schedule}, batch {batch}"
        if update:
            figures[name] = round(found)
            continue
        expected = figures[name]
        change = found / expected - 1
        good = abs(change) <= INSTRUCTION_BAND
        failed += not good
        print(f"{'ok  ' if good else 'FAIL'} instructions per step, {name}: {found:,.0f}, "
              f"committed {expected:,} ± {INSTRUCTION_BAND:.0%} ({change:+.1%})")
        if not good:
            print(f"     again: {command} (less the same with --count 5, over 10 steps)")
            print("     meant to be so: python3 Benchmarks/gates/check.py --update")
    if update:
        FIGURES.write_text(json.dumps(figures, indent=2) + "\n")
        print(f"{FIGURES} written")
    return failed


def check_ratios():
    failed = 0
    level = os.environ.get("MTL_TEST_INSTRUCTIONS")
    if level == "baseline":
        print("baseline instructions: OpenBLAS itself does the products, no ratio is checked")
        return 0
    for (schedule, batch), limit in RATIO_LIMITS.items():
        command = [BENCH, "throughput", "--hidden", "64,64", "--schedule", schedule, "--batch", str(batch),
                   "--threads", "1", "--seconds", "2", "--json"]
        command += ["--instructions", level] if level else []
        ratio = 1 / json.loads(run(command).stdout)["gemm_seconds_share"]
        good = ratio <= limit
        failed += not good
        print(f"{'ok  ' if good else 'FAIL'} step over bare products, {schedule}, batch {batch}: "
              f"{ratio:.2f}, limit {limit:.2f}")
        if not good:
            print(f"     again: {' '.join(command)} (1 / gemm_seconds_share)")
    return failed


def has_avx2():
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.exists() and " avx2" in cpuinfo.read_text()


if __name__ == "__main__":
    if not has_avx2():
        print("no AVX2 here: nothing was checked")
        sys.exit(0)
    option = sys.argv[1:]
    if option not in ([], ["--update"], ["--ratios"]):
        sys.exit(f"found {' '.join(option)}, expected --update, --ratios or nothing")
    failures = 0
    if option != ["--ratios"]:
        failures += check_instructions(option == ["--update"])
    if option != ["--update"]:
        failures += check_ratios()
    sys.exit(1 if failures else 0)
