"""Time our training step next to PyTorch's and JAX's, interleaved, and print one Markdown table.

For each row the workers (ours, and peer_worker.py once per variant) are started and warmed one after
another; then every round lets each of them run once, in an order that rotates, while the others wait on
standard input. A ratio is taken within a round, between runs that are seconds apart, and the median of the
rounds is printed with the least and the greatest: a machine that slows down for a minute moves both sides
of a ratio. A round during which other programs were busy is repeated, whatever its figures were; where the
machine does not become quiet, the quietest rounds count and the table says so.

Standard library only; the peers' packages live in the .venv that setup.sh makes.
"""

import argparse
import fnmatch
import json
import os
import platform
import select
import shlex
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

OURS = "ours"
JAX = ("jax step", "jax scan")
TORCH = ("torch eager", "torch compile")

# Threads of OpenMP and of Eigen spin for some milliseconds before they sleep. Waiting that out keeps a
# worker's own waiting policy as it is (OMP_WAIT_POLICY=passive made PyTorch's batches of 256 nearly 3 times
# slower here) without disturbing the next worker.
SETTLE_SECONDS = 0.1

# Compiling is slow on a busy machine; a run that takes this long is stuck.
READY_SECONDS = 600

# Above this many cores, workers that should be waiting, or programs that are not ours to stop, have disturbed
# the one that was being timed. OpenMP's barriers lose most, a hundredfold for small batches: they spin for a
# thread that is not scheduled. So without this, a busy machine would flatter whoever is compared with
# PyTorch.
QUIET_CORES = 0.1
MOST_ROUNDS_PER_ROUND = 3


def table_rows():
    models = [
        {"inputs": 100, "hidden": [64, 64], "tasks": 3, "batches": [32, 256, 4096]},
        {"inputs": 512, "hidden": [512, 512], "tasks": 8, "batches": [256, 4096]},
    ]
    for model in models:
        network = "-".join(map(str, [model["inputs"], *model["hidden"]])) + f"x{model['tasks']}"
        for batch in model["batches"]:
            for schedule in ("joint", "alternating"):
                yield {
                    "name": f"{network}/{batch}/{schedule}",
                    "network": network,
                    "inputs": model["inputs"],
                    "hidden": model["hidden"],
                    "tasks": model["tasks"],
                    "batch": batch,
                    "schedule": schedule,
                }


def fail(message):
    sys.exit(f"compare.py: {message}")


class Worker:
    def __init__(self, name, command):
        self.name = name
        self.errors = tempfile.TemporaryFile("w+")
        self.pending = b""
        try:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors
            )
        except OSError as error:
            fail(f"cannot start {name}: {error}\n  {shlex.join(command)}")

    def wait_until_ready(self):
        answer = self.answer(READY_SECONDS)
        if answer.get("ready") is not True:
            self.give_up(f'expected {{"ready": true}}, found {answer}')
        return answer

    def run(self, seconds):
        self.send(f"run {seconds}")
        answer = self.answer(READY_SECONDS)
        rate = answer.get("samples_per_second")
        if not isinstance(rate, (int, float)) or rate <= 0:
            self.give_up(f"expected a positive samples_per_second, found {answer}")
        return float(rate)

    def send(self, line):
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            self.give_up("ended early")

    def answer(self, seconds):
        descriptor, deadline = self.process.stdout.fileno(), time.monotonic() + seconds
        while b"\n" not in self.pending:
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                self.give_up(f"no answer within {seconds} s")
            part = os.read(descriptor, 65536)
            if not part:
                self.process.wait()
                self.give_up(f"ended early with status {self.process.returncode}")
            self.pending += part
        line, self.pending = self.pending.split(b"\n", 1)
        try:
            return json.loads(line)
        except ValueError:
            return self.give_up(f"not JSON: {line!r}")

    def give_up(self, reason):
        self.errors.seek(0)
        fail(f"{self.name}: {reason}\n{self.errors.read()[-2000:]}")

    def processor_seconds(self):
        """User and system time of all its threads, or nothing where the system does not tell."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            return None
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        if self.process.poll() is None:
            try:
                self.process.stdin.write(b"quit\n")
                self.process.stdin.close()
                self.process.wait(timeout=5)
            except (OSError, subprocess.TimeoutExpired):
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        self.errors.close()


def all_processor_seconds():
    """Time that all programs and the hypervisor have taken so far; nothing where that is not told."""
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    except OSError:
        return None
    user, nice, system, _, _, interrupt, soft_interrupt, stolen = map(int, fields[:8])
    return (user + nice + system + interrupt + soft_interrupt + stolen) / os.sysconf("SC_CLK_TCK")


def commands(row, options):
    shape = [
        *("--schedule", row["schedule"], "--inputs", str(row["inputs"])),
        *("--hidden", ",".join(map(str, row["hidden"])), "--tasks", str(row["tasks"])),
        *("--batch", str(row["batch"]), "--threads", str(options.threads)),
    ]
    result = {}
    if not options.without_ours:
        result[OURS] = [*shlex.split(options.ours), *shape]
    for peer in options.peers:
        framework, variant = peer.split()
        script = [
            options.python,
            str(HERE / "peer_worker.py"),
            "--framework",
            framework,
            "--variant",
            variant,
        ]
        result[peer] = [*script, *shape]
    return result


def one_round(workers, seconds):
    """The most cores that everything but the timed worker kept busy in one of the runs, and the rates."""
    rates, disturbance = {}, 0.0
    for worker in workers:
        time.sleep(SETTLE_SECONDS)
        start, everything, own = time.monotonic(), all_processor_seconds(), worker.processor_seconds()
        rates[worker.name] = worker.run(seconds)
        if everything is not None and own is not None:
            others = all_processor_seconds() - everything - (worker.processor_seconds() - own)
            disturbance = max(disturbance, others / (time.monotonic() - start))
    return disturbance, rates


def measure(row, options):
    """The rounds that count, as (cores others used, {worker: rate}), how many there were, the versions."""
    workers, versions, rounds = [], {}, []
    try:
        for name, command in commands(row, options).items():
            workers.append(Worker(name, command))
            versions[name] = workers[-1].wait_until_ready().get("version")
        while len(rounds) < MOST_ROUNDS_PER_ROUND * options.rounds:
            shift = len(rounds) % len(workers)
            rounds.append(one_round(workers[shift:] + workers[:shift], options.seconds))
            if sum(disturbance <= QUIET_CORES for disturbance, _ in rounds) == options.rounds:
                break
    finally:
        for worker in workers:
            worker.stop()
    return sorted(rounds, key=lambda one: one[0])[: options.rounds], len(rounds), versions


def best(names, rates):
    measured = [name for name in names if name in rates]
    return max(measured, key=lambda name: median(rates[name])) if measured else None


def ratio(ours, theirs):
    each = [a / b for a, b in zip(ours, theirs)]
    return {"median": median(each), "min": min(each), "max": max(each)}


def summarise(row, rounds, tried, versions):
    rates = {name: [one[name] for _, one in rounds] for name in rounds[0][1]}
    result = {
        "row": row,
        "samples_per_second": rates,
        "median": {name: median(values) for name, values in rates.items()},
        "best_jax": best(JAX, rates),
        "best_torch": best(TORCH, rates),
        "ratio": {},
        "versions": versions,
        "rounds_tried": tried,
        "cores_used_by_others": [disturbance for disturbance, _ in rounds],
    }
    for peer in (result["best_jax"], result["best_torch"]):
        if peer and OURS in rates:
            result["ratio"][peer] = ratio(rates[OURS], rates[peer])
    return result


def rounded(rate):
    digits = len(str(int(rate)))
    return f"{round(rate, 3 - digits):,.0f}" if digits > 3 else f"{rate:.3g}"


def cells(result, peer):
    """A peer's rate with its variant, and our ratio to it with the spread of the rounds."""
    if peer is None:
        return ["-", "-"]
    variant = peer.split()[1]
    quotient = result["ratio"].get(peer)
    text = "-" if quotient is None else "{median:.2f} ({min:.2f}..{max:.2f})".format(**quotient)
    return [f"{rounded(result['median'][peer])} ({variant})", text]


def markdown(results):
    header = [
        *("inputs-hidden x tasks", "batch", "schedule", "ours, rows/s"),
        *("JAX, rows/s", "ours / JAX", "PyTorch, rows/s", "ours / PyTorch"),
    ]
    lines = [header, ["---", "---:", "---"] + ["---:"] * 5]
    for result in results:
        row, middle = result["row"], result["median"]
        lines.append(
            [
                row["network"].replace("x", " x "),
                str(row["batch"]),
                row["schedule"],
                rounded(middle[OURS]) if OURS in middle else "-",
                *cells(result, result["best_jax"]),
                *cells(result, result["best_torch"]),
            ]
        )
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def machine():
    name = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    return {
        "processor": name,
        "cpus": available_cpus(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def available_cpus():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parse():
    def positive(kind):
        def convert(text):
            value = kind(text)
            if value <= 0:
                raise argparse.ArgumentTypeError(f"expected more than 0, found {text}")
            return value

        return convert

    known = [*JAX, *TORCH]

    def peer_list(text):
        peers = [name.strip() for name in text.split(",") if name.strip()]
        for name in peers:
            if name not in known:
                raise argparse.ArgumentTypeError(f"expected some of {', '.join(known)}, found {name!r}")
        return peers

    default_python = HERE / ".venv" / "bin" / "python"
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=positive(int), default=5)
    parser.add_argument("--seconds", type=positive(float), default=1.0, help="length of one run")
    parser.add_argument("--threads", type=positive(int), default=available_cpus())
    parser.add_argument(
        "--rows",
        action="append",
        metavar="PATTERN",
        help="only rows that match, such as '*/256/joint'; repeatable",
    )
    parser.add_argument("--list", action="store_true", help="print the rows' names and stop")
    parser.add_argument("--json", metavar="FILE", help="also write every run's figure")
    parser.add_argument(
        "--peers",
        type=peer_list,
        default=[*JAX, TORCH[0]],
        help=f"comma-separated, of: {', '.join(known)} (default: all but the last)",
    )
    parser.add_argument(
        "--python", default=str(default_python), help="the Python that has the peers' packages"
    )
    parser.add_argument(
        "--ours",
        default=shlex.join([str(ROOT / ".build" / "release" / "mtl-bench"), "worker"]),
        help="the command that starts our worker, before the options that name the row",
    )
    parser.add_argument("--without-ours", action="store_true", help="measure the peers alone")
    options = parser.parse_args()
    if options.list:
        return options

    if options.without_ours and not options.peers:
        parser.error("--without-ours leaves nothing to measure when --peers is empty")
    if options.peers and not Path(options.python).exists():
        fail(f"{options.python} is missing\nHINT: run Benchmarks/peers/setup.sh, or name one with --python")
    program = shlex.split(options.ours)[:1]
    if not options.without_ours and program and "/" in program[0] and not Path(program[0]).exists():
        fail(f"{program[0]} is missing\nHINT: swift build -c release --product mtl-bench, or --without-ours")
    return options


def main():
    options = parse()
    patterns = options.rows or ["*"]
    rows = [row for row in table_rows() if any(fnmatch.fnmatch(row["name"], one) for one in patterns)]
    if options.list:
        print("\n".join(row["name"] for row in rows))
        return
    if not rows:
        names = ", ".join(row["name"] for row in table_rows())
        fail(f"no row matches {' or '.join(patterns)}; there are {names}")
    results = []
    for row in rows:
        print(f"{row['name']} ...", file=sys.stderr, flush=True)
        result = summarise(row, *measure(row, options))
        results.append(result)
        used = max(result["cores_used_by_others"])
        if used > QUIET_CORES:
            print(
                f"  warning: other programs used up to {used:.2f} cores in rounds that count", file=sys.stderr
            )

    about = machine()
    versions = {}
    for result in results:
        versions |= {name.split()[0]: version for name, version in result["versions"].items() if version}
    print(markdown(results))
    print()
    print(
        f"{about['processor']}, {options.threads} of {about['cpus']} CPUs; "
        + "".join(f"{name} {version}, " for name, version in sorted(versions.items()) if name != OURS)
        + f"{options.rounds} rounds of {options.seconds:g} s. Rates are medians; a ratio is the median of "
        "the rounds' own ratios (least..greatest)."
    )
    disturbed = [result for result in results if max(result["cores_used_by_others"]) > QUIET_CORES]
    if disturbed:
        most = max(max(result["cores_used_by_others"]) for result in disturbed)
        names = ", ".join(result["row"]["name"] for result in disturbed)
        print(f"Not a quiet machine: other programs used up to {most:.2f} cores in {names}.")
    if options.json:
        report = {
            "date": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "machine": about,
            "threads": options.threads,
            "rounds": options.rounds,
            "seconds": options.seconds,
            "results": results,
        }
        Path(options.json).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
