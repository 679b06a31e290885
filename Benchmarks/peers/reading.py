"""CSV reading beside polars and pandas: the same file into typed columns, in turn, with one and two threads.

python reading.py [--mebibytes N] [--rounds N] [--file FILE]; run by `make peers-reading`.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEER = """
import json, sys, time
library, path, repeats = sys.argv[1], sys.argv[2], int(sys.argv[3])
if library == "polars":
    import polars
    read = lambda: polars.read_csv(path)
else:
    import pandas
    read = lambda: pandas.read_csv(path)
for _ in range(repeats):
    begin = time.perf_counter()
    table = read()
    print(json.dumps({"seconds": time.perf_counter() - begin, "rows": table.shape[0], "columns": table.shape[1]}))
    del table
"""


def generate(path, mebibytes):
    """A shop's log: ids, numbers with missing cells, categories and quoted text."""
    draw = random.Random(1)
    names = (
        ["user_id", "item_id", "shop_id"]
        + [f"amount_{i}" for i in range(8)]
        + [f"count_{i}" for i in range(6)]
        + [f"category_{i}" for i in range(5)]
        + ["title", "note", "clicked"]
    )
    words = ["red", "blue", "large", "new", "sale", "cotton", "shoe", "shirt", "bag", "gift"]
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(",".join(names) + "\n")
        while file.tell() < mebibytes << 20:
            rows = []
            for _ in range(2000):
                cells = [f"u{draw.randrange(10**6)}", f"i{draw.randrange(2 * 10**5)}", f"s{draw.randrange(50000)}"]
                cells += ["" if draw.random() < 0.03 else f"{draw.gauss(0, 100):.4f}" for _ in range(8)]
                cells += [str(int(draw.expovariate(0.01))) for _ in range(6)]
                cells += [f"c{draw.randrange(30)}" for _ in range(5)]
                cells.append('"' + " ".join(draw.choices(words, k=4)) + ', ""new"""')
                cells.append('"' + " ".join(draw.choices(words, k=6)) + '"')
                cells.append(str(draw.randrange(2)))
                rows.append(",".join(cells))
            file.write("\n".join(rows) + "\n")


def run(command, **environment):
    output = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, **environment}
    ).stdout
    lines = [json.loads(line) for line in output.splitlines()]
    # The first pass of a process warms it up.
    return min(line["seconds"] for line in lines[1:]), (lines[0]["rows"], lines[0]["columns"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mebibytes", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--file", type=Path)
    parser.add_argument("--ours", type=Path, default=ROOT / ".build/release/mtl-bench")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.file or Path(folder) / "log.csv"
        if options.file is None:
            generate(path, options.mebibytes)
        size = path.stat().st_size
        print("| threads | ours, MB/s | polars, MB/s | pandas, MB/s | ours / polars | ours / pandas |")
        print("| ---: | ---: | ---: | ---: | ---: | ---: |")
        for threads in (1, 2):
            times = {"ours": [], "polars": [], "pandas": []}
            for _ in range(options.rounds):
                shapes = set()
                for name in times:
                    command = (
                        [options.ours, "read", path, "--threads", str(threads), "--repeats", "3"]
                        if name == "ours"
                        else [sys.executable, "-c", PEER, name, path, "3"]
                    )
                    seconds, shape = run([str(part) for part in command], POLARS_MAX_THREADS=str(threads))
                    times[name].append(seconds)
                    shapes.add(shape)
                if len(shapes) != 1:
                    sys.exit(f"the readers disagree on rows and columns: {shapes}")
            speed = {name: f"{size / 1e6 / statistics.median(values):,.0f}" for name, values in times.items()}
            ratios = []
            for peer in ("polars", "pandas"):
                each = [theirs / ours for theirs, ours in zip(times[peer], times["ours"])]
                ratios.append(f"{statistics.median(each):.2f} ({min(each):.2f}..{max(each):.2f})")
            print(
                f"| {threads} | {speed['ours']} | {speed['polars']} | {speed['pandas']} | {ratios[0]} | {ratios[1]} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
